#include "vtvc/composition/workers.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace vtvc {

struct Workers::Shared {
    std::mutex mutex;
    std::condition_variable begin, end;
    std::uint64_t round = 0;  ///< raised for every run
    int busy = 0;             ///< threads of the pool that have not finished this round
    bool stop = false;
    Call call = nullptr;
    const void* context = nullptr;
    std::int64_t items = 0;
    std::atomic<std::int64_t> next{0};
    std::vector<std::thread> threads;

    void take(int worker) {
        for (std::int64_t item = next.fetch_add(1, std::memory_order_relaxed); item < items;
             item = next.fetch_add(1, std::memory_order_relaxed))
            call(context, item, worker);
    }

    void serve(int worker) {
        std::uint64_t seen = 0;
        std::unique_lock lock(mutex);
        while (true) {
            begin.wait(lock, [&] { return stop || round != seen; });
            if (stop) return;
            seen = round;
            lock.unlock();
            take(worker);
            lock.lock();
            if (--busy == 0) end.notify_one();
        }
    }
};

Workers::Workers(int threads) : threads_(threads < 1 ? 1 : threads), shared_(std::make_unique<Shared>()) {
    for (int worker = 1; worker < threads_; ++worker)
        shared_->threads.emplace_back([shared = shared_.get(), worker] { shared->serve(worker); });
}

Workers::~Workers() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stop = true;
    }
    shared_->begin.notify_all();
    for (std::thread& thread : shared_->threads) thread.join();
}

void Workers::run_all(std::int64_t items, Call call, const void* context) {
    if (threads_ == 1 || items < 2) {
        for (std::int64_t item = 0; item < items; ++item) call(context, item, 0);
        return;
    }
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->call = call;
        shared_->context = context;
        shared_->items = items;
        shared_->next.store(0, std::memory_order_relaxed);
        shared_->busy = threads_ - 1;
        ++shared_->round;
    }
    shared_->begin.notify_all();
    shared_->take(0);
    std::unique_lock lock(shared_->mutex);
    shared_->end.wait(lock, [&] { return shared_->busy == 0; });
}

}  // namespace vtvc
