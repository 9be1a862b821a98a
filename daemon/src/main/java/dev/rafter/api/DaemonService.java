package dev.rafter.api;

import java.io.IOException;
import java.util.List;

/** Port: what the daemon does when it is asked over HTTP. Thread safe; calls may block. */
public interface DaemonService {
    MountView mount(MountRequest request) throws IOException;

    /** Unmounts what was mounted at this absolute path. */
    void unmount(String directory) throws IOException;

    List<MountView> mounts();

    List<ImageView> images() throws IOException;

    StatusView status();

    /** Metrics in the text format of Prometheus. */
    String metrics();

    /** Has the next daemon take over everything as it is; returns before it does. */
    void restart() throws IOException;

    /** Unmounts everything and ends the daemon; fails, changing nothing more, if a mount is in use. */
    void stop() throws IOException;
}
