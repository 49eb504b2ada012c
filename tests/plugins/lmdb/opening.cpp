#include "catch.hpp"
#include "component_under_test.hpp"
#include "file_system.hpp"
#include "temporary_folder.hpp"

#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

using namespace cairn;

namespace {

std::string error_of(const ComponentUnderTest::OptionTexts& options) {
  try {
    ComponentUnderTest lmdb("lmdb", options);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "(none)";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void fill(const std::string& path) {
  ComponentUnderTest lmdb("lmdb", {{"path", path}, {"max_bytes", "1MiB"}});
  for (int i = 0; i < 100; ++i) {
    lmdb->set(std::to_string(i), Entry::borrow(std::string(1000, 'v')), {}, Call());
  }
}

}  // namespace

TEST_CASE("a file that is no database is refused and left alone", "[lmdb]") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder.path());
  const std::string text(10'000, 'x');
  std::ofstream(folder.path() + "/data.mdb") << text;
  CHECK_THAT(error_of({{"path", folder.path()}}),
             Catch::StartsWith("config: lmdb: ") && Catch::Contains("damaged or is no LMDB file"));
  CHECK(content_of(folder.path() + "/data.mdb") == text);
}

TEST_CASE("a database of another program is refused and left alone, asked or not", "[lmdb]") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder.path());
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_open(env, folder.path().c_str(), 0, 0600) == 0);
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, nullptr, 0, &dbi) == 0);
  MDB_val key{4, const_cast<char*>("name")}, value{3, const_cast<char*>("Ada")};
  REQUIRE(mdb_put(txn, dbi, &key, &value, 0) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);

  for (const char* when : {"error", "start_empty"}) {
    CHECK_THAT(error_of({{"path", folder.path()}, {"when_damaged", when}}),
               Catch::Contains("database of another program"));
  }
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_open(env, folder.path().c_str(), MDB_RDONLY, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, nullptr, 0, &dbi) == 0);
  CHECK(mdb_get(txn, dbi, &key, &value) == 0);
  mdb_txn_abort(txn);
  mdb_env_close(env);
}

TEST_CASE("a file that was cut off is refused, or replaced by an empty one if asked", "[lmdb]") {
  TemporaryFolder folder;
  fill(folder.path());
  std::filesystem::resize_file(folder.path() + "/data.mdb", 40'000);
  CHECK_THAT(error_of({{"path", folder.path()}}),
             Catch::Contains("was cut off: it has 40000 bytes of"));
  CHECK(std::filesystem::file_size(folder.path() + "/data.mdb") == 40'000);

  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"when_damaged", "start_empty"}});
  CHECK_FALSE(lmdb->get("1", Call()).has_value());
  lmdb->set("1", Entry::borrow("again"), {}, Call());
  CHECK(lmdb->get("1", Call())->bytes() == "again");
}

TEST_CASE("a file that a crash of the machine may have torn (sync = none) starts empty", "[lmdb]") {
  TemporaryFolder folder;
  fill(folder.path());
  std::ofstream(folder.path() + "/unsynced") << "00000000-0000-0000-0000-000000000000";
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
  CHECK_FALSE(lmdb->get("1", Call()).has_value());
}

TEST_CASE("the mark of unsynced data is gone when the store was closed in good order", "[lmdb]") {
  TemporaryFolder folder;
  {
    ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}});
    CHECK(std::filesystem::exists(folder.path() + "/unsynced"));
  }
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/unsynced"));
  ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"sync", "meta"}});
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/unsynced"));
}

// What `body` answers in a child process, which ends without closing anything.
template <class Body>
static std::string in_a_child(Body&& body) {
  int answer[2];
  REQUIRE(pipe(answer) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string text = body();
    (void)!write(answer[1], text.data(), text.size());
    _exit(0);
  }
  close(answer[1]);
  char text[1000];
  const ssize_t size = read(answer[0], text, sizeof text);
  close(answer[0]);
  waitpid(child, nullptr, 0);
  return {text, size < 0 ? 0 : static_cast<std::size_t>(size)};
}

TEST_CASE("the mark of unsynced data is made by whoever does not sync, whoever came first",
          "[lmdb]") {
  TemporaryFolder folder;
  const std::string mark = folder.path() + "/unsynced";
  {
    ComponentUnderTest first("lmdb", {{"path", folder.path()}, {"sync", "full"}});
    CHECK_FALSE(std::filesystem::exists(mark));
    CHECK(in_a_child([&] {
            ComponentUnderTest second("lmdb", {{"path", folder.path()}, {"sync", "none"}});
            second->set("k", Entry::borrow("v"), {}, Call());
            return std::filesystem::exists(mark) ? "marked" : "not marked";
          }) == "marked");
    CHECK(std::filesystem::exists(mark));  // it did not close in good order
  }
  CHECK_FALSE(std::filesystem::exists(mark));  // the last one wrote all of it to the disk
}

TEST_CASE("a file that was removed while a program has it open is not made anew beside it",
          "[lmdb]") {
  const std::string name = GENERATE("data.mdb", "lock.mdb");
  TemporaryFolder folder;
  ComponentUnderTest first("lmdb", {{"path", folder.path()}});
  first->set("k", Entry::borrow("v"), {}, Call());
  std::filesystem::remove(folder.path() + "/" + name);
  CHECK_THAT(in_a_child([&] {
               return error_of({{"path", folder.path()}});
             }),
             Catch::StartsWith("config: lmdb: ") &&
                 Catch::Contains(name + " was removed while a program has it open"));
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/" + name));
  CHECK(first->get("k", Call())->bytes() == "v");

  for (const char* rest : {"data.mdb", "lock.mdb", "creation-locks", "unsynced"}) {
    std::filesystem::remove(folder.path() + "/" + rest);
  }
  CHECK(in_a_child([&] { return error_of({{"path", folder.path()}}); }) == "(none)");
}

TEST_CASE("a path that is a file is refused", "[lmdb]") {
  TemporaryFolder folder;
  std::ofstream(folder.path()) << "text";
  CHECK_THAT(error_of({{"path", folder.path()}}), Catch::Contains("is not a folder"));
}

TEST_CASE("a folder that may not be written is refused with the reason", "[lmdb]") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder.path());
  chmod(folder.path().c_str(), 0555);
  chmod(std::filesystem::path(folder.path()).parent_path().c_str(), 0755);
  int result[2];
  REQUIRE(pipe(result) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(1);  // root may write anywhere
    const std::string error = error_of({{"path", folder.path()}});
    (void)!write(result[1], error.data(), error.size());
    _exit(0);
  }
  close(result[1]);
  char text[1000];
  const ssize_t size = read(result[0], text, sizeof text);
  close(result[0]);
  waitpid(child, nullptr, 0);
  CHECK_THAT(std::string(text, size < 0 ? 0 : static_cast<std::size_t>(size)),
             Catch::Contains("creation-locks: Permission denied"));
}

TEST_CASE("a file larger than any address space is refused, and the option named", "[lmdb]") {
  TemporaryFolder folder;
  CHECK_THAT(error_of({{"path", folder.path()}, {"max_bytes", "1000TiB"}}),
             Catch::StartsWith("config: lmdb: cannot open ") && Catch::Contains("`max_bytes`"));
}

TEST_CASE("permissions apply to every file that is made", "[lmdb]") {
  TemporaryFolder folder;
  const mode_t before = umask(0);
  {
    ComponentUnderTest lmdb("lmdb", {{"path", folder.path()}, {"permissions", "0640"}});
    for (const char* name : {"data.mdb", "lock.mdb", "creation-locks", "unsynced"}) {
      struct stat found {};
      REQUIRE(stat((folder.path() + "/" + name).c_str(), &found) == 0);
      CHECK((found.st_mode & 0777) == 0640);
    }
  }
  umask(before);
  for (const char* bad : {"rw", "0999", "1777", ""}) {
    const ComponentUnderTest::OptionTexts options{{"path", folder.path("none")},
                                                  {"permissions", bad}};
    CHECK_THAT(error_of(options), Catch::Contains("expected three octal digits"));
    CHECK("config: " + ComponentUnderTest::objection_of("lmdb", options) == error_of(options));
  }
  CHECK_FALSE(std::filesystem::exists(folder.path("none")));
}

TEST_CASE("components on one folder share it, and must agree about it", "[lmdb]") {
  TemporaryFolder folder;
  ComponentUnderTest one("lmdb", {{"path", folder.path()}});
  ComponentUnderTest two("lmdb", {{"path", folder.path() + "/."}, {"ttl", "1h"}});
  one->set("k", Entry::borrow("v"), {}, Call());
  CHECK(two->get("k", Call())->bytes() == "v");
  const auto token = one->lock("k", {}, Call());
  CHECK_FALSE(two->lock("k", {}, Call()).has_value());
  CHECK(two->unlock("k", *token, Call()));
  CHECK_THAT(
      error_of({{"path", folder.path()}, {"max_bytes", "2MiB"}}),
      Catch::EndsWith("is already open in this program with other settings: give both the same "
                      "`max_bytes`"));
  CHECK_THAT(error_of({{"path", folder.path()}, {"sync", "full"}, {"timeout", "1s"}}),
             Catch::EndsWith("give both the same `sync` and `timeout`"));
}

TEST_CASE("another copy of the plugin in the same program is kept from opening the file twice",
          "[lmdb]") {
  TemporaryFolder folder;
  const std::string built = std::getenv("CAIRN_PLUGIN_DIR");
  std::filesystem::create_directories(folder.path("plugins"));
  std::filesystem::copy_file(built + "/cairn-lmdb.so", folder.path("plugins") + "/cairn-lmdb.so");
  {
    ComponentUnderTest first("lmdb", {{"path", folder.path()}});
    first->set("k", Entry::borrow("v"), {}, Call());
    setenv("CAIRN_PLUGIN_DIR", folder.path("plugins").c_str(), 1);
    CHECK_THAT(error_of({{"path", folder.path()}}),
               Catch::StartsWith("config: ") && Catch::Contains("another copy of this plugin"));
    CHECK(first->get("k", Call()).has_value());
  }
  {
    ComponentUnderTest second("lmdb", {{"path", folder.path()}});
    CHECK(second->get("k", Call())->bytes() == "v");
  }
  setenv("CAIRN_PLUGIN_DIR", built.c_str(), 1);
}

TEST_CASE("files of somebody else that may not be written are refused by name", "[lmdb]") {
  TemporaryFolder folder;
  fill(folder.path());
  for (const auto& path : {folder.path(), folder.path("")}) chmod(path.c_str(), 0777);
  const int all = geteuid() == 0 ? 0 : 0400;  // root's files are closed to nobody; ours to us
  chmod((folder.path() + "/creation-locks").c_str(), 0666);
  chmod((folder.path() + "/lock.mdb").c_str(), 0666);
  chmod((folder.path() + "/data.mdb").c_str(), static_cast<mode_t>(all));
  int result[2];
  REQUIRE(pipe(result) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(1);
    const std::string error = error_of({{"path", folder.path()}, {"max_bytes", "1MiB"}});
    (void)!write(result[1], error.data(), error.size());
    _exit(0);
  }
  close(result[1]);
  char text[1000];
  const ssize_t size = read(result[0], text, sizeof text);
  close(result[0]);
  waitpid(child, nullptr, 0);
  CHECK_THAT(std::string(text, size < 0 ? 0 : static_cast<std::size_t>(size)),
             Catch::StartsWith("config: lmdb: ") && Catch::Contains("data.mdb: Permission denied"));
}

TEST_CASE("file systems that several machines share are known by name", "[lmdb]") {
  CHECK(lmdb::network_file_system(0x6969) == "NFS");
  CHECK(lmdb::network_file_system(0xff534d42) == "CIFS");
  CHECK_FALSE(lmdb::network_file_system(0xef53).has_value());      // ext4
  CHECK_FALSE(lmdb::network_file_system(0x01021994).has_value());  // tmpfs
}
