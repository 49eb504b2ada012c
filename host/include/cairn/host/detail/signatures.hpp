// The signature of whatever can be called: what a cached function is named after.
#pragma once

#include <cairn/host/function_keys.hpp>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace cairn::detail {

// The signature of a function, a function pointer or a class with one operator().
template <class F>
struct SignatureOf {
  static_assert(
      no_key<F>,
      "cairn: the signature of this function cannot be seen (is it generic, overloaded, or no "
      "function?): say it, as in region.cached<User(int)>(name, function)");
  using type = void();
};
template <class F>
requires requires {
  &F::operator();
}
struct SignatureOf<F> : SignatureOf<decltype(&F::operator())> {};
template <class R, class... Args>
struct SignatureOf<R(Args...)> {
  static_assert(
      !std::is_void_v<R>,
      "cairn: a cached function returns the value to be cached; this one returns nothing");
  using type = R(Args...);
};
template <class R, class... Args>
struct SignatureOf<R (*)(Args...)> : SignatureOf<R(Args...)> {};
template <class R, class... Args>
struct SignatureOf<R (*)(Args...) noexcept> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...)> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...) const> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...)&> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...) const&> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...) noexcept> : SignatureOf<R(Args...)> {};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...) const noexcept> : SignatureOf<R(Args...)> {};

template <class Signature, class F>
struct ChosenSignature {
  using type = Signature;
};
template <class F>
struct ChosenSignature<void, F> {
  using type = typename SignatureOf<F>::type;
};
template <class Signature, class F>
using SignatureFor = typename ChosenSignature<Signature, F>::type;

/// As a std::function, also if it cannot be copied.
template <class Signature>
struct Callable;
template <class R, class... Args>
struct Callable<R(Args...)> {
  template <class F>
  static std::function<R(Args...)> of(F function) {
    static_assert(
        !std::is_member_pointer_v<F>,
        "cairn: a member function is cached with its object: cached(name, &Shop::user, shop)");
    static_assert(std::is_member_pointer_v<F> || std::is_invocable_r_v<R, F&, Args...>,
                  "cairn: this function does not have the signature that was said");
    static_assert(!std::is_reference_v<R> || std::is_reference_v<std::invoke_result_t<F&, Args...>>,
                  "cairn: this function returns a value, and the signature that was said a "
                  "reference, to what "
                  "would be gone");
    if constexpr (std::is_copy_constructible_v<F>) {
      return std::function<R(Args...)>(std::move(function));
    } else {
      return [kept = std::make_shared<F>(std::move(function))](Args... args) -> R {
        return (*kept)(std::forward<Args>(args)...);
      };
    }
  }
};

}  // namespace cairn::detail
