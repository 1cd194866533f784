#include "vtvc/tangent/stored.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <sstream>

#include "stored_product.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

struct TangentProduct : torch::autograd::Function<TangentProduct> {
    static StoredRow row(const StoredTangent& tangent, std::int64_t index) {
        const JacobianAbout& about = tangent.about_;
        const bool int8 = about.store == JacobianStore::int8;
        const auto bytes = static_cast<std::int64_t>(tangent.rows_.numbers.size()) / tangent.rows_.rows;
        return {int8                                 ? NumberKind::int8
                : about.store == JacobianStore::bf16 ? NumberKind::bf16
                                                     : NumberKind::f32,
                tangent.rows_.numbers.data() + index * bytes,
                int8 ? tangent.rows_.scales.data() + index * about.scales() : nullptr,
                about.classes,
                int8 ? about.tasks() : 1,
                int8 ? about.coefficients() : about.tasks() * about.coefficients()};
    }

    static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& change,
                              const at::Tensor& start, const StoredTangent* tangent,
                              const std::vector<std::int64_t>& rows) {
        ctx->saved_data["tangent"] = reinterpret_cast<std::int64_t>(tangent);
        ctx->saved_data["rows"] = rows;
        const at::Tensor z = change.contiguous(), logits = start.clone();
        run(rows, [&](std::int64_t i) {
            add_change(row(*tangent, rows[static_cast<std::size_t>(i)]),
                       z.data_ptr<float>() + i * z.stride(0), logits.data_ptr<float>() + i * logits.size(1));
        });
        return logits;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                   torch::autograd::variable_list gradients) {
        const auto* tangent = reinterpret_cast<const StoredTangent*>(ctx->saved_data["tangent"].toInt());
        const std::vector<std::int64_t> rows = ctx->saved_data["rows"].toIntVector();
        const at::Tensor slope = gradients[0].contiguous();
        at::Tensor d = at::zeros({slope.size(0), tangent->about_.tasks(), tangent->about_.coefficients()},
                                 slope.options());
        run(rows, [&](std::int64_t i) {
            add_gradient(row(*tangent, rows[static_cast<std::size_t>(i)]),
                         slope.data_ptr<float>() + i * slope.size(1), d.data_ptr<float>() + i * d.stride(0));
        });
        return {d, {}, {}, {}};
    }

  private:
    template <class Body>
    static void run(const std::vector<std::int64_t>& rows, const Body& body) {
        at::parallel_for(0, static_cast<std::int64_t>(rows.size()), 4,
                         [&](std::int64_t from, std::int64_t to) {
                             for (std::int64_t i = from; i < to; ++i) body(i);
                         });
    }
};

StoredTangent::StoredTangent(const JacobianAbout& about, JacobianRows rows)
    : about_(about),
      rows_(std::move(rows)),
      centre_(at::tensor(about.centre).view({about.tasks(), about.coefficients()})) {}

at::Tensor StoredTangent::logits_at_centre(std::span<const std::int64_t> rows) const {
    at::Tensor logits = at::empty({static_cast<std::int64_t>(rows.size()), about_.classes});
    float* out = logits.data_ptr<float>();
    for (const std::int64_t row : rows)
        out = std::copy_n(rows_.logits.data() + row * about_.classes, about_.classes, out);
    return logits;
}

at::Tensor StoredTangent::logits(std::span<const std::int64_t> rows, const at::Tensor& z) const {
    if (z.dim() != 3 || z.size(0) != static_cast<std::int64_t>(rows.size()) || z.size(1) != about_.tasks() ||
        z.size(2) != about_.coefficients() || z.scalar_type() != at::kFloat) {
        std::ostringstream got;
        got << z.sizes() << " " << z.scalar_type();
        fail<NumericError>("coefficients {} do not fit a Jacobian of {} rows; give floats [{}, {}, {}]",
                           got.str(), rows.size(), rows.size(), about_.tasks(), about_.coefficients());
    }
    return TangentProduct::apply(z - centre_, logits_at_centre(rows), this,
                                 std::vector<std::int64_t>(rows.begin(), rows.end()));
}

}  // namespace vtvc
