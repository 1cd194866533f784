// Passes every call on and writes down what it was.
#include "vtvc/sharding/communicator.hpp"

namespace vtvc {
namespace {

class Recording final : public Communicator {
  public:
    Recording(Communicator& inner, std::vector<Recorded>& log) : inner_(inner), log_(log) {}
    int rank() const override { return inner_.rank(); }
    int size() const override { return inner_.size(); }
    void all_reduce(std::span<float> values, Reduce how) override { reduce(values, how); }
    void all_reduce(std::span<double> values, Reduce how) override { reduce(values, how); }
    void all_reduce(std::span<std::int64_t> values, Reduce how) override { reduce(values, how); }
    void broadcast(std::span<std::byte> bytes, int root) override {
        inner_.broadcast(bytes, root);
        log_.push_back({"broadcast", bytes.size()});
    }
    std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine) override {
        auto all = inner_.all_gather(mine);
        log_.push_back({"all_gather", mine.size()});
        return all;
    }
    void barrier() override {
        inner_.barrier();
        log_.push_back({"barrier", 0});
    }

  private:
    template <class T>
    void reduce(std::span<T> values, Reduce how) {
        inner_.all_reduce(values, how);
        log_.push_back({"all_reduce", values.size_bytes()});
    }

    Communicator& inner_;
    std::vector<Recorded>& log_;
};

}  // namespace

std::unique_ptr<Communicator> make_recording(Communicator& inner, std::vector<Recorded>& log) {
    return std::make_unique<Recording>(inner, log);
}

}  // namespace vtvc
