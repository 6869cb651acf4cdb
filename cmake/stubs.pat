# What the stub generator does not say by itself.

# Comparisons give arrays; object's give bool.
ingot\._core\.array\.__(eq|ne)__$:
    def __\1__(self, other: object, /) -> array: ...  # type: ignore[override]
