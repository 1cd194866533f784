#pragma once
// kind = "jacobian": the derivatives of a data set's logits in the coefficients, computed once and kept in a
// file, so that posteriors can be trained without the network (method.md section 1, the linearised form).
#include "vtvc/core/jobs.hpp"

namespace vtvc {

/// How a file keeps the numbers.
enum class JacobianStore {
    f32,
    bf16,  ///< rounded to nearest, 8 bits of precision
    int8,  ///< whole numbers −127…127 times one f32 scale a sample, class and task vector
};
enum class JacobianMode {
    automatic,  ///< the one with fewer passes
    backward,   ///< a pass a class, each giving all coefficients
    forward,    ///< a pass a coefficient, each giving all classes
};

template <>
struct EnumNames<JacobianStore> {
    static constexpr std::array<std::string_view, 3> names{"f32", "bf16", "int8"};
};
template <>
struct EnumNames<JacobianMode> {
    static constexpr std::array<std::string_view, 3> names{"auto", "backward", "forward"};
};

struct JacobianJob : Job {
    std::string bank, data, head;
    std::string centre_from;  ///< method file with fixed coefficients, which become z̄; empty: centre
    std::vector<std::string> exclude;
    Partition partition = Partition::tensor;
    WindowKeys window;                 ///< rows of the train split
    std::int64_t validation_rows = 0;  ///< of the validation split; 0: all
    double centre = -1;                ///< every coefficient of z̄; −1: 1/K
    JacobianStore store = JacobianStore::f32;
    JacobianMode mode = JacobianMode::automatic;
    std::string_view kind() const override { return "jacobian"; }
    void describe(Visitor& v) override;
    void check(std::vector<std::string>& problems) const override;
};

}  // namespace vtvc
