// Runs a command against servers that live as long as it does:
//
//     with-redis tcp|unix|tls|sentinel|cluster [--option] COMMAND [ARGUMENT]...
//
// The options that reach them are appended to the command, as NAME=VALUE, with --option as --option
// NAME=VALUE. Exits as the command does.

#include "certificates.hpp"
#include "private_redis_groups.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>

namespace {

int run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int count, char** arguments) try {
  std::vector<std::string> command(arguments + std::min(count, 2), arguments + count);
  const bool as_options = !command.empty() && command.front() == "--option";
  if (as_options) command.erase(command.begin());
  if (command.empty()) {
    std::fputs("usage: with-redis tcp|unix|tls|sentinel|cluster [--option] COMMAND [ARGUMENT]...\n",
               stderr);
    return 2;
  }
  const auto give = [&](const std::string& name, const std::string& value) {
    if (as_options) command.emplace_back("--option");
    command.push_back(name + "=" + value);
  };
  give("timeout", "20s");  // on a busy machine a server is slow to answer
  give("connect_timeout", "20s");
  const std::string mode = arguments[1];
  std::optional<Certificates> certificates;
  std::optional<PrivateRedis> one;
  std::optional<PrivateSentinels> sentinels;
  std::optional<PrivateCluster> cluster;
  if (mode == "sentinel") {
    give("mode", "sentinel");
    give("sentinels", sentinels.emplace().addresses());
  } else if (mode == "cluster") {
    give("mode", "cluster");
    give("nodes", cluster.emplace().some_nodes());
  } else if (mode == "tls") {
    certificates.emplace();
    const std::string port = std::to_string(free_port());
    one.emplace(std::vector<std::string>{"--tls-port", port, "--tls-cert-file",
                                         certificates->file("server.crt"), "--tls-key-file",
                                         certificates->file("server.key"), "--tls-ca-cert-file",
                                         certificates->file("ca.crt"), "--tls-auth-clients", "no"});
    give("url", "rediss://127.0.0.1:" + port);
    give("ca_file", certificates->file("ca.crt"));
  } else {
    give("url", mode == "unix" ? one.emplace().unix_url() : one.emplace().url());
  }
  return run(command);
} catch (const std::exception& error) {
  std::fprintf(stderr, "with-redis: %s\n", error.what());
  return 1;
}
