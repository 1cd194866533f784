#include "vtvc/core/background.hpp"

#include <utility>

namespace vtvc {

Background::~Background() {
    if (thread_.joinable()) thread_.join();
}

void Background::start(std::function<void()> work) {
    wait();
    done_ = false;
    thread_ = std::thread([this, job = std::move(work)] {
        try {
            job();
        } catch (...) {
            error_ = std::current_exception();
        }
        done_ = true;
    });
}

void Background::check() {
    if (done_) wait();
}

void Background::wait() {
    if (thread_.joinable()) thread_.join();
    if (auto error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
}

}  // namespace vtvc
