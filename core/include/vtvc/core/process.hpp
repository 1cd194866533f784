#pragma once
#include <chrono>

namespace vtvc {

/// State letter of a process of this machine as in /proc/PID/stat; 0 when there is none.
char process_state(int pid);

/// Is there no such process any more? One that has ended and was not yet waited for counts as gone.
bool process_is_gone(int pid);

/// Waits for that, for so long at most.
bool is_gone_within(std::chrono::milliseconds time, int pid);

}  // namespace vtvc
