#pragma once
// Runs one program to its end: a process group of its own, signals passed on, nothing left behind.
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vtvc {

struct Launch {
    std::vector<std::string> command;                ///< looked up on PATH when without a slash
    std::map<std::string, std::string> environment;  ///< wins over our own
    std::map<std::string, std::string> defaults;     ///< where the user has set nothing
    std::vector<std::string> forget;                 ///< prefixes of variables that the program must not see
    std::filesystem::path output;                    ///< takes stdout and stderr; empty: ours
    std::filesystem::path ready;                     ///< appears when the program can take SIGUSR2
    int lifeline = -1;                        ///< a pipe whose end means ours: TERM at once; −1: none
    int signal_if_orphaned = 0;               ///< sent to it when this process dies
    std::chrono::duration<double> grace{30};  ///< between asking it to stop and making it
};

struct Ending {
    int code = 0;    ///< as a shell gives it: 128 + n for death by signal n, 126 or 127 when it did not start
    int signal = 0;  ///< the signal by which somebody had us stop it before it ended by itself; 0: none
};

/// The first INT, TERM or HUP becomes USR2 (write a checkpoint and stop), with grace; another, or the end of
/// the grace, becomes TERM, and then KILL to the whole group. Before the program is ready there is nothing to
/// save: TERM at once. USR2 is passed on, held until the program is ready. TSTP and CONT stop and continue
/// both.
Ending supervise(const Launch& launch);

}  // namespace vtvc
