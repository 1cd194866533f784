#pragma once
// MPI, checked. Open MPI never says that a peer has died or stopped: watchdog.hpp does.
#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <memory>
#include <utility>

#include "vtvc/sharding/communicator.hpp"

namespace vtvc {

/// Throws MpiError "MPI_Comm_dup(a, &b): MPI_ERR_COMM: invalid communicator, at mpi.cpp:31" unless code is
/// MPI_SUCCESS.
void check_mpi(int code, const char* call, const char* file, int line);

/// Errors come back as codes only on communicators with MPI_ERRORS_RETURN; ours have it.
#define VTVC_MPI(call) ::vtvc::check_mpi((call), #call, __FILE__, __LINE__)

/// Initialises MPI and returns a communicator over all ranks of the job, which finalises it.
std::unique_ptr<Communicator> make_mpi(int& argc, char**& argv);

/// MPI counts are int: calls piece(first, count) for consecutive pieces of [0, total), each of at most
/// `most`.
template <class Piece>
void in_pieces(std::size_t total, std::size_t most, Piece&& piece) {
    for (std::size_t first = 0; first < total; first += most) piece(first, std::min(most, total - first));
}

}  // namespace vtvc
