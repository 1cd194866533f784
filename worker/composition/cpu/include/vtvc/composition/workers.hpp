#pragma once
// A pool of threads that sleeps between two pieces of work: on a machine shared with others (and with the
// BLAS library's own pool) a thread that waits by spinning takes cores from those that compute.
#include <cstdint>
#include <memory>

namespace vtvc {

class Workers {
  public:
    /// The caller's thread is one of them: 1 starts none.
    explicit Workers(int threads);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    int threads() const { return threads_; }
    /// Calls work(item, worker) once for each item of [0, items), worker in [0, threads), and returns when
    /// all are done. Which worker takes which item is not determined. The work may not throw. One caller at a
    /// time.
    template <class Work>
    void run(std::int64_t items, const Work& work) {
        run_all(
            items,
            [](const void* context, std::int64_t item, int worker) {
                (*static_cast<const Work*>(context))(item, worker);
            },
            &work);
    }
    /// The same by the caller alone where there is less to do than waking a thread is worth.
    template <class Work>
    void run(std::int64_t items, std::int64_t multiply_adds, const Work& work) {
        constexpr std::int64_t worth = 1'000'000;
        if (multiply_adds >= worth) return run(items, work);
        for (std::int64_t item = 0; item < items; ++item) work(item, 0);
    }

  private:
    using Call = void (*)(const void* context, std::int64_t item, int worker);
    struct Shared;
    void run_all(std::int64_t items, Call call, const void* context);

    int threads_;
    std::unique_ptr<Shared> shared_;
};

}  // namespace vtvc
