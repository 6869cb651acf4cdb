// Makes of a kernel and the table of its parameters' attributes a function that
// the engine can call. The types come from the kernel itself.
// SPDX-License-Identifier: MIT
#pragma once

namespace softmetal {

// A position or a size of the grid, as the type that the kernel asks for.
template <class T>
struct Id {
  static T get(const unsigned* v) { return T(v[0]); }
};
template <class T>
struct Id<T __attribute__((ext_vector_type(2)))> {
  typedef T Vector __attribute__((ext_vector_type(2)));
  static Vector get(const unsigned* v) { return Vector{T(v[0]), T(v[1])}; }
};
template <class T>
struct Id<T __attribute__((ext_vector_type(3)))> {
  typedef T Vector __attribute__((ext_vector_type(3)));
  static Vector get(const unsigned* v) {
    return Vector{T(v[0]), T(v[1]), T(v[2])};
  }
};

template <class T, Source source, unsigned index>
struct Fetch {
  static_assert(source != Source::buffer &&
                    source != Source::threadgroup_memory,
                "a buffer must be a pointer or a reference");
  static constexpr bool writes = false;
  static constexpr unsigned size = 0;
  static T get(const Arguments*, const ThreadIds* ids) {
    return Id<T>::get(ids->value[unsigned(source)]);
  }
};
template <class T>
constexpr bool is_const = false;
template <class T>
constexpr bool is_const<const T> = true;

template <class T, Source source, unsigned index>
struct Fetch<T*, source, index> {
  static_assert(source == Source::buffer ||
                    source == Source::threadgroup_memory,
                "a position in the grid must be no pointer");
  static constexpr bool writes = source == Source::buffer && !is_const<T>;
  static constexpr unsigned size = 0;
  static T* get(const Arguments* arguments, const ThreadIds*) {
    return static_cast<T*>(source == Source::buffer ? arguments->buffer[index]
                                                    : arguments->memory[index]);
  }
};
template <class T, Source source, unsigned index>
struct Fetch<T&, source, index> {
  static constexpr bool writes = source == Source::buffer && !is_const<T>;
  static constexpr unsigned size = source == Source::buffer ? sizeof(T) : 0;
  static T& get(const Arguments* arguments, const ThreadIds* ids) {
    return *Fetch<T*, source, index>::get(arguments, ids);
  }
};

template <unsigned... i>
struct Indices {};
template <unsigned n, unsigned... i>
struct UpTo : UpTo<n - 1, n - 1, i...> {};
template <unsigned... i>
struct UpTo<0, i...> {
  typedef Indices<i...> type;
};

template <auto function, const auto& table, class I>
struct Thunk;
template <class... P, void (*function)(P...), const auto& table, unsigned... i>
struct Thunk<function, table, Indices<i...>> {
  template <class T, unsigned at>
  using Argument = Fetch<T, table[at].source, table[at].index>;

  static void run(const Arguments* arguments, const ThreadIds* ids) {
    function(Argument<P, i>::get(arguments, ids)...);
  }
  static constexpr Kernel kernel(const char* name, unsigned max_threads) {
    Kernel k = {name, run, table, sizeof...(P), max_threads, 0, {}};
    ((k.writes |= Argument<P, i>::writes ? 1u << table[i].index : 0u), ...);
    ((k.size_at[table[i].index] += Argument<P, i>::size), ...);
    return k;
  }
};

template <class... P>
constexpr unsigned arity(void (*)(P...)) {
  return sizeof...(P);
}

template <auto function, const auto& table>
constexpr Kernel make_kernel(const char* name, unsigned max_threads) {
  constexpr unsigned n = arity(function);
  static_assert(n == sizeof(table) / sizeof(Parameter),
                "every parameter must have an attribute");
  return Thunk<function, table, typename UpTo<n>::type>::kernel(name,
                                                                max_threads);
}

}  // namespace softmetal

// The linker marks the ends of a section whose name is an identifier, so that
// rows can stand where the kernel does, in any namespace.
#define SOFTMETAL_ROW(section_name) \
  __attribute__((section(section_name), used, retain, no_sanitize("address")))

#define SOFTMETAL_KERNEL(id, max_threads, name, table, ...)  \
  SOFTMETAL_ROW("softmetal_kernels")                         \
  static constexpr softmetal::Kernel softmetal_kernel_##id = \
      softmetal::make_kernel<__VA_ARGS__, table>(name, max_threads);

#define SOFTMETAL_CONSTANT(type, name, index)                                \
  static type name;                                                          \
  static bool name##_is_defined;                                             \
  SOFTMETAL_ROW("softmetal_constants")                                       \
  static constexpr softmetal::FunctionConstant softmetal_constant_##name = { \
      index, sizeof(type), &name, &name##_is_defined};

extern "C" {
#define SOFTMETAL_END extern __attribute__((weak, visibility("hidden"))) const
SOFTMETAL_END softmetal::Kernel __start_softmetal_kernels[];
SOFTMETAL_END softmetal::Kernel __stop_softmetal_kernels[];
SOFTMETAL_END softmetal::FunctionConstant __start_softmetal_constants[];
SOFTMETAL_END softmetal::FunctionConstant __stop_softmetal_constants[];
#undef SOFTMETAL_END

__attribute__((visibility("default"), no_sanitize("thread"))) void
softmetal_module(const softmetal::Hooks* hooks, softmetal::Module* module) {
  softmetal_hooks = hooks;
  *module = {__start_softmetal_kernels, __stop_softmetal_kernels,
             __start_softmetal_constants, __stop_softmetal_constants,
             SOFTMETAL_OPTIONS};
}
}
