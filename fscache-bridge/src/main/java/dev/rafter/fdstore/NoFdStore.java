package dev.rafter.fdstore;

import dev.rafter.linux.Fd;
import java.util.Optional;
import java.util.Set;

/** No store at all. */
final class NoFdStore implements FdStore {
    @Override
    public Optional<Fd> take(String name) {
        return Optional.empty();
    }

    @Override
    public Set<String> left() {
        return Set.of();
    }

    @Override
    public boolean keeps(String name) {
        return false;
    }

    @Override
    public void keep(String name, Fd fd) {}

    @Override
    public void forget(String name) {}

    @Override
    public void settle() {}

    @Override
    public void ready() {}

    @Override
    public boolean outlivesThisProcess() {
        return false;
    }
}
