// A world of one: what every collective comes to when there is nobody else.
#include <fmt/format.h>

#include "vtvc/core/error.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace vtvc {
namespace {

class Self final : public Communicator {
  public:
    int rank() const override { return 0; }
    int size() const override { return 1; }
    void all_reduce(std::span<float>, Reduce) override {}
    void all_reduce(std::span<double>, Reduce) override {}
    void all_reduce(std::span<std::int64_t>, Reduce) override {}
    void broadcast(std::span<std::byte>, int root) override {
        if (root != 0) fail<MpiError>("broadcast from rank {} in a world of one", root);
    }
    std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine) override {
        return {{mine.begin(), mine.end()}};
    }
    void barrier() override {}
};

}  // namespace

std::unique_ptr<Communicator> make_self() { return std::make_unique<Self>(); }

}  // namespace vtvc
