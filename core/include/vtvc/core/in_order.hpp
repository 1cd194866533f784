#pragma once
// Work spread over threads whose results are taken in order, so that what comes out does not depend on the
// threads.
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace vtvc {

/// Calls make(i) for every i in [0, count) on `threads` threads, and take(i, result) on this one, i counting
/// up. At most `ahead` results wait to be taken. What make or take throws ends the work and is thrown here.
template <class Make, class Take>
void in_order(std::int64_t count, int threads, std::int64_t ahead, const Make& make, const Take& take) {
    using Result = decltype(make(std::int64_t{}));
    std::vector<std::optional<Result>> waiting(static_cast<std::size_t>(std::max<std::int64_t>(1, ahead)));
    const auto places = static_cast<std::int64_t>(waiting.size());
    std::mutex mutex;
    std::condition_variable room, arrival;
    std::int64_t next = 0, taken = 0;
    std::exception_ptr failure;
    bool stop = false;

    const auto work = [&] {
        std::unique_lock lock(mutex);
        while (true) {
            room.wait(lock, [&] { return stop || next >= count || next < taken + places; });
            if (stop || next >= count) return;
            const std::int64_t mine = next++;
            lock.unlock();
            std::optional<Result> result;
            std::exception_ptr thrown;
            try {
                result.emplace(make(mine));
            } catch (...) {
                thrown = std::current_exception();
            }
            lock.lock();
            if (thrown) {
                if (!failure) failure = thrown;
                stop = true;
                room.notify_all();
            } else {
                waiting[static_cast<std::size_t>(mine % places)] = std::move(result);
            }
            arrival.notify_one();
        }
    };
    std::vector<std::jthread> workers;
    for (int i = 0; i < std::max(1, threads); ++i) workers.emplace_back(work);
    const auto end = [&] {
        {
            const std::lock_guard lock(mutex);
            stop = true;
        }
        room.notify_all();
        workers.clear();
    };
    try {
        for (std::int64_t i = 0; i < count; ++i) {
            std::unique_lock lock(mutex);
            auto& place = waiting[static_cast<std::size_t>(i % places)];
            arrival.wait(lock, [&] { return stop || place.has_value(); });
            if (!place.has_value()) break;
            Result result = std::move(*place);
            place.reset();
            ++taken;
            lock.unlock();
            room.notify_one();
            take(i, std::move(result));
        }
    } catch (...) {
        end();
        throw;
    }
    end();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace vtvc
