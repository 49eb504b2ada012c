# find_package(cairn): what an installed cairn offers to CMake projects.
#
#   cairn::sdk                       headers for plugins
#   cairn::cairn                     the host library, for programs, if it is installed
#   cairn_add_plugin(NAME source...) a plugin cairn-NAME.so, with the flags a plugin needs
#   cairn_add_plugin_test(NAME [option=value...])
#                                    `cairn validate` as a test of it
#   CAIRN_PLUGIN_DIR                 where cairn looks for plugins of its ABI

get_filename_component(_cairn_libdir "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
# The prefix is the folder that holds include/cairn: libdir may be lib, lib64 or lib/<triplet>.
set(_cairn_prefix "${_cairn_libdir}")
while(NOT EXISTS "${_cairn_prefix}/include/cairn/abi.h")
  get_filename_component(_cairn_parent "${_cairn_prefix}" DIRECTORY)
  if(_cairn_parent STREQUAL _cairn_prefix)
    set(cairn_FOUND FALSE)
    set(cairn_NOT_FOUND_MESSAGE "no include/cairn/abi.h above ${_cairn_libdir}: is cairn installed completely?")
    return()
  endif()
  set(_cairn_prefix "${_cairn_parent}")
endwhile()

set(CAIRN_PLUGIN_DIR "${_cairn_libdir}/cairn/1")
set(CAIRN_EXPORTS_MAP "${_cairn_prefix}/share/cairn/exports.map")

if(NOT TARGET cairn::sdk)
  add_library(cairn::sdk INTERFACE IMPORTED)
  set_target_properties(cairn::sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_cairn_prefix}/include")
  get_property(_cairn_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("CXX" IN_LIST _cairn_languages)  # a plugin may be in C alone
    set_property(TARGET cairn::sdk PROPERTY INTERFACE_COMPILE_FEATURES cxx_std_20)
  endif()
endif()

if(NOT TARGET cairn::cairn AND EXISTS "${_cairn_libdir}/libcairn-host.so")
  add_library(cairn::cairn SHARED IMPORTED)
  set_target_properties(cairn::cairn PROPERTIES IMPORTED_LOCATION "${_cairn_libdir}/libcairn-host.so")
  set_property(TARGET cairn::cairn PROPERTY INTERFACE_LINK_LIBRARIES cairn::sdk)
endif()

find_program(CAIRN_COMMAND cairn HINTS "${_cairn_prefix}/bin")

function(cairn_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE cairn::sdk)
  set_target_properties(${name} PROPERTIES
    OUTPUT_NAME "cairn-${name}"
    PREFIX ""
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    CXX_EXTENSIONS OFF)
  target_link_options(${name} PRIVATE
    "LINKER:--version-script=${CAIRN_EXPORTS_MAP}" "LINKER:-z,defs" "LINKER:-z,relro" "LINKER:-z,now")
  install(TARGETS ${name} LIBRARY DESTINATION "${CAIRN_PLUGIN_DIR}")
endfunction()

function(cairn_add_plugin_test name)
  if(NOT CAIRN_COMMAND)
    message(FATAL_ERROR "cairn_add_plugin_test: the command `cairn` was not found: set CAIRN_COMMAND to it")
  endif()
  set(options "")
  foreach(option IN LISTS ARGN)
    list(APPEND options --option "${option}")
  endforeach()
  add_test(NAME validate-${name} COMMAND "${CAIRN_COMMAND}" validate "$<TARGET_FILE:${name}>" ${options})
endfunction()
