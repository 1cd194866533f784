#pragma once
// What a program of vtvc says to its caller by its exit code; scripts and SLURM rely on the numbers.

namespace vtvc::exit_code {

inline constexpr int done = 0;
inline constexpr int failed = 1;
/// A job file or command line that asks for something impossible: running it again cannot help.
inline constexpr int config = 2;
/// Stopped on purpose with a checkpoint: run the same job again to go on (EX_TEMPFAIL of sysexits.h).
inline constexpr int checkpointed = 75;

}  // namespace vtvc::exit_code
