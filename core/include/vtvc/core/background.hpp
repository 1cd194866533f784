#pragma once
// One piece of work at a time beside the caller: writing a checkpoint while training goes on.
#include <atomic>
#include <exception>
#include <functional>
#include <thread>

namespace vtvc {

class Background {
  public:
    Background() = default;
    /// Waits; an error that nobody asked for any more is lost with it.
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    /// Waits for the work before (throws its error, then the new work is not started) and starts this one.
    void start(std::function<void()> work);
    /// Throws the error of work that has ended; does not wait.
    void check();
    /// Waits for the work at hand and throws its error.
    void wait();

  private:
    std::thread thread_;
    std::atomic<bool> done_{true};
    std::exception_ptr error_;  // written by the thread before done_, read by the caller after it
};

}  // namespace vtvc
