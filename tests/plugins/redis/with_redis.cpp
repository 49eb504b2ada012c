// Runs a command against servers that live as long as it does:
//
//     with-redis tcp|unix|sentinel|cluster COMMAND [ARGUMENT]...
//
// The options that reach them are appended to the command, as NAME=VALUE. Exits as the command
// does.

#include "private_redis_groups.hpp"

#include <sys/wait.h>
#include <unistd.h>

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
  if (count < 3) {
    std::fputs("usage: with-redis tcp|unix|sentinel|cluster COMMAND [ARGUMENT]...\n", stderr);
    return 2;
  }
  const std::string mode = arguments[1];
  std::vector<std::string> command(arguments + 2, arguments + count);
  std::optional<PrivateRedis> one;
  std::optional<PrivateSentinels> sentinels;
  std::optional<PrivateCluster> cluster;
  if (mode == "sentinel") {
    command.push_back("mode=sentinel");
    command.push_back("sentinels=" + sentinels.emplace().addresses());
  } else if (mode == "cluster") {
    command.push_back("mode=cluster");
    command.push_back("nodes=" + cluster.emplace().some_nodes());
  } else {
    one.emplace();
    command.push_back("url=" + (mode == "unix" ? one->unix_url() : one->url()));
  }
  return run(command);
} catch (const std::exception& error) {
  std::fprintf(stderr, "with-redis: %s\n", error.what());
  return 1;
}
