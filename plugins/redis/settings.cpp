#include "settings.hpp"

#include "url.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace cairn::redis {

namespace {

std::string quoted(std::string_view name) {
  return std::string("`").append(name).append("`");
}

[[noreturn]] void wrong(const std::string& text) {
  throw Error(Errc::config, text);
}

std::string text_or(const Options& options, const char* name, const char* otherwise) {
  return options.has(name) ? options.text(name) : std::string(otherwise);
}

// An option that would be ignored is a mistake of the user's, and better said than swallowed.
void allow_only_with(const Options& options, bool allowed, const char* needs,
                     std::initializer_list<const char*> names) {
  if (allowed) return;
  for (const char* name : names) {
    if (options.has(name)) {
      wrong(quoted(name) + " has no effect without " + needs + ": remove it");
    }
  }
}

// Of a file that a person named: without it, why it cannot be read.
std::string first_line_of(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const auto unreadable = [&path] {
    const int error = errno;
    throw Error(
        Errc::config,
        "`password_file`: cannot read " + path + ": " + std::generic_category().message(error),
        error);
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) unreadable();
  constexpr std::size_t longest = 64 * 1024;
  std::string line;
  for (int c; (c = std::fgetc(file.get())) != '\n' && c != EOF;) {
    if (line.size() == longest) wrong("`password_file`: " + path + " has no line that ends");
    line += static_cast<char>(c);
  }
  if (std::ferror(file.get()) != 0) unreadable();
  return line;
}

std::string password_of(const Options& options) {
  if (!options.has("password_file")) return text_or(options, "password", "");
  if (options.has("password")) wrong("give `password` or `password_file`, not both");
  const std::string path = options.text("password_file");
  std::string line = first_line_of(path);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) {
    wrong("`password_file`: expected the password in the first line of " + path +
          ", which is empty");
  }
  return line;
}

// Dogpile's rule, so that both sides can be told the same: 2 to 10 of letters, digits and `_-.:`.
std::string lock_prefix_of(const Options& options) {
  const std::string prefix = options.text("lock_prefix");
  const bool good_size = prefix.size() >= 2 && prefix.size() <= 10;
  const bool good_letters =
      prefix.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:") ==
      std::string::npos;
  if (!good_size || !good_letters) {
    wrong("`lock_prefix`: expected 2 to 10 letters, digits, `_`, `-`, `.` or `:`, got `" + prefix +
          "`");
  }
  return prefix;
}

std::vector<Address> addresses(const Options& options, const char* name, int default_port) {
  std::vector<Address> result;
  for (const std::string& text : options.texts(name)) {
    result.push_back(parse_address(text, default_port, name));
  }
  if (result.empty()) wrong(quoted(name) + ": is empty; give at least one host:port");
  return result;
}

void read_url(const Options& options, Settings& settings) {
  Url url = parse_url(options.text("url"));
  for (const char* name : {"host", "port"}) {
    if (options.has(name)) wrong(quoted(name) + " and `url` say the same: give one, not both");
  }
  const auto said_twice = [&](bool in_url, const char* name) {
    if (in_url && options.has(name)) wrong(quoted(name) + " is in `url` too: say it once");
  };
  said_twice(!url.username.empty(), "username");
  said_twice(!url.password.empty(), "password");
  said_twice(!url.password.empty(), "password_file");
  said_twice(url.db.has_value(), "db");
  settings.servers = {url.address};
  settings.db = url.db.value_or(0);
  settings.login = {url.username, url.password};
  settings.tls.on = url.tls;
}

void read_servers(const Options& options, Settings& settings) {
  const bool has_address = options.has("url") || options.has("host");
  switch (settings.mode) {
    case Mode::standalone:
      if (options.has("url")) {
        read_url(options, settings);
      } else {
        Address address;
        address.host = text_or(options, "host", "localhost");
        if (options.has("port")) address.port = static_cast<int>(options.integer("port"));
        check_host(address.host);
        settings.servers = {address};
      }
      break;
    case Mode::sentinel:
      if (has_address || options.has("port")) {
        wrong(
            "`mode` = \"sentinel\" asks the sentinels for the server: give `sentinels` and "
            "`service` "
            "instead of `url`, `host` and `port`");
      }
      if (!options.has("sentinels"))
        wrong("`mode` = \"sentinel\" needs `sentinels = [\"host:26379\"]`");
      settings.servers = addresses(options, "sentinels", 26379);
      settings.service = text_or(options, "service", "mymaster");
      break;
    case Mode::cluster:
      if (options.has("nodes")) {
        if (has_address || options.has("port")) {
          wrong("`mode` = \"cluster\": give `nodes` or one node by `url` or `host`, not both");
        }
        settings.servers = addresses(options, "nodes", 6379);
      } else if (options.has("url")) {
        read_url(options, settings);
      } else if (options.has("host")) {
        check_host(options.text("host"));
        settings.servers = {{options.text("host"),
                             options.has("port") ? static_cast<int>(options.integer("port")) : 6379,
                             ""}};
      } else {
        wrong("`mode` = \"cluster\" needs `nodes = [\"host:6379\"]`, or `url` of one node");
      }
      if (settings.db != 0 || (options.has("db") && options.integer("db") != 0)) {
        wrong("`db`: a cluster has database 0 only");
      }
      break;
  }
}

void read_tls(const Options& options, Settings& settings) {
  TlsSettings& tls = settings.tls;
  if (options.flag("tls")) tls.on = true;
  allow_only_with(options, tls.on, "TLS (rediss:// or `tls = true`)",
                  {"ca_file", "cert_file", "key_file", "server_name"});
  tls.verify = options.flag("verify");
  if (!tls.verify && !tls.on) wrong("`verify` = false has no effect without TLS: remove it");
  tls.ca_file = text_or(options, "ca_file", "");
  tls.cert_file = text_or(options, "cert_file", "");
  tls.key_file = text_or(options, "key_file", "");
  tls.server_name = text_or(options, "server_name", "");
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    wrong("`cert_file` and `key_file` belong together: give both or none");
  }
  if (tls.on && settings.servers.front().is_unix()) {
    wrong("TLS over a unix socket is not supported: remove `tls`");
  }
}

}  // namespace

Settings read_settings(const Options& options) {
  Settings settings;
  const std::string mode = options.text("mode");
  settings.mode = mode == "sentinel"  ? Mode::sentinel
                  : mode == "cluster" ? Mode::cluster
                                      : Mode::standalone;
  allow_only_with(options, settings.mode == Mode::sentinel, "mode = \"sentinel\"",
                  {"sentinels", "service", "sentinel_username", "sentinel_password"});
  allow_only_with(options, settings.mode == Mode::cluster, "mode = \"cluster\"", {"nodes"});
  settings.read_from_replica = options.text("read_from") == "replica";
  if (settings.read_from_replica && settings.mode == Mode::standalone) {
    wrong(
        "`read_from` = \"replica\" has no effect on one server: use mode = \"sentinel\" or "
        "\"cluster\", or remove it");
  }

  read_servers(options, settings);
  if (options.has("username")) settings.login.username = options.text("username");
  if (const std::string password = password_of(options); !password.empty()) {
    settings.login.password = password;
  }
  if (!settings.login.username.empty() && settings.login.password.empty()) {
    wrong("`username` without a password: give `password` or `password_file`");
  }
  settings.sentinel_login = {text_or(options, "sentinel_username", ""),
                             text_or(options, "sentinel_password", "")};
  if (options.has("db")) settings.db = static_cast<int>(options.integer("db"));
  read_tls(options, settings);

  settings.ttl = options.duration("ttl");
  settings.connect_timeout = options.duration("connect_timeout");
  settings.timeout = options.duration("timeout");
  settings.retry_after = options.duration("retry_after");
  settings.retry_after_at_most = options.duration("retry_after_at_most");
  if (settings.retry_after_at_most < settings.retry_after) {
    wrong("`retry_after_at_most` is less than `retry_after`");
  }
  settings.keepalive = options.flag("keepalive");
  settings.connections = static_cast<int>(options.integer("max_connections"));
  settings.lock_prefix = lock_prefix_of(options);
  return settings;
}

}  // namespace cairn::redis
