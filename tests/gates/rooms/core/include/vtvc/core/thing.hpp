#pragma once
namespace vtvc {
int thing();
}  // namespace vtvc
