// Truncated SVD through the eigenvectors of the smaller Gram matrix, in double: the squared condition number
// costs nothing that f32 factors could show, and it is several times faster than an SVD of the whole.
#include <Eigen/Dense>

#include "bank_codec.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {

Factors truncated_svd(std::span<const float> values, MatrixSize size, std::int64_t rank) {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Matrix matrix = Eigen::Map<const Floats>(values.data(), size.rows, size.columns).cast<double>();
    const bool wide = size.columns > size.rows;
    Matrix gram = wide ? Matrix(matrix * matrix.transpose()) : Matrix(matrix.transpose() * matrix);
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram);
    if (solver.info() != Eigen::Success)
        fail<NumericError>(
            "the SVD of a {} x {} matrix did not converge; store this task vector as f32 or int8", size.rows,
            size.columns);
    const Matrix vectors = solver.eigenvectors().rightCols(rank).rowwise().reverse();  // largest first

    // With orthonormal vectors Q of one side, the best approximation is Q Qᵀ M, or M Q Qᵀ.
    const Matrix left = wide ? vectors : Matrix(matrix * vectors);
    const Matrix right = wide ? Matrix(vectors.transpose() * matrix) : Matrix(vectors.transpose());
    Factors factors{0, size.rows, rank, {}, {}};
    factors.left.resize(static_cast<std::size_t>(size.rows * rank));
    factors.right.resize(static_cast<std::size_t>(rank * size.columns));
    Eigen::Map<Floats>(factors.left.data(), size.rows, rank) = left.cast<float>();
    Eigen::Map<Floats>(factors.right.data(), rank, size.columns) = right.cast<float>();
    return factors;
}

}  // namespace vtvc
