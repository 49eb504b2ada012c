/* Everything that the contract names, reachable from one function, so that its debug information
 * holds the whole of it. */
#include <cairn/abi.h>

CAIRN_EXPORT int cairn_abi_surface(const cairn_plugin* plugin, const cairn_component* component,
                                   const cairn_option* option, const cairn_ops* ops,
                                   const cairn_next* next, const cairn_host* host,
                                   const cairn_type* type, const cairn_set_options* how,
                                   const cairn_node* node, cairn_call* call, cairn_entry* entry,
                                   cairn_owner* owner, cairn_bytes bytes, cairn_plugin_entry enter);
int cairn_abi_surface(const cairn_plugin* plugin, const cairn_component* component,
                      const cairn_option* option, const cairn_ops* ops, const cairn_next* next,
                      const cairn_host* host, const cairn_type* type, const cairn_set_options* how,
                      const cairn_node* node, cairn_call* call, cairn_entry* entry,
                      cairn_owner* owner, cairn_bytes bytes, cairn_plugin_entry enter) {
  return plugin && component && option && ops && next && host && type && how && node && call &&
         entry && owner && bytes.data && enter;
}
