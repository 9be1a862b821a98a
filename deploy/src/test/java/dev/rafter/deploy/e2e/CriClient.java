package dev.rafter.deploy.e2e;

import dev.rafter.deploy.e2e.cri.AuthConfig;
import dev.rafter.deploy.e2e.cri.ContainerConfig;
import dev.rafter.deploy.e2e.cri.ContainerMetadata;
import dev.rafter.deploy.e2e.cri.ContainerRequest;
import dev.rafter.deploy.e2e.cri.CreateContainerRequest;
import dev.rafter.deploy.e2e.cri.ExecSyncRequest;
import dev.rafter.deploy.e2e.cri.ExecSyncResponse;
import dev.rafter.deploy.e2e.cri.IDMapping;
import dev.rafter.deploy.e2e.cri.ImageFsInfoResponse;
import dev.rafter.deploy.e2e.cri.ImageServiceGrpc;
import dev.rafter.deploy.e2e.cri.ImageSpec;
import dev.rafter.deploy.e2e.cri.LinuxContainerConfig;
import dev.rafter.deploy.e2e.cri.LinuxContainerSecurityContext;
import dev.rafter.deploy.e2e.cri.LinuxPodSandboxConfig;
import dev.rafter.deploy.e2e.cri.LinuxSandboxSecurityContext;
import dev.rafter.deploy.e2e.cri.NamespaceMode;
import dev.rafter.deploy.e2e.cri.NamespaceOption;
import dev.rafter.deploy.e2e.cri.Nothing;
import dev.rafter.deploy.e2e.cri.PodSandboxConfig;
import dev.rafter.deploy.e2e.cri.PodSandboxMetadata;
import dev.rafter.deploy.e2e.cri.PodSandboxRequest;
import dev.rafter.deploy.e2e.cri.PullImageRequest;
import dev.rafter.deploy.e2e.cri.RemoveImageRequest;
import dev.rafter.deploy.e2e.cri.RunPodSandboxRequest;
import dev.rafter.deploy.e2e.cri.RuntimeServiceGrpc;
import dev.rafter.deploy.e2e.cri.UserNamespace;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The kubelet's side of containerd's socket. Pods share the host's network, but those with a user namespace. */
final class CriClient implements AutoCloseable {
    private static final NamespaceOption HOST_NETWORK =
            NamespaceOption.newBuilder().setNetwork(NamespaceMode.NODE).build();

    private final EventLoopGroup events = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final ManagedChannel channel;
    private final Path logs;

    CriClient(Path socket, Path logs) {
        this.logs = logs;
        channel = NettyChannelBuilder.forAddress(UnixDomainSocketAddress.of(socket))
                .eventLoopGroup(events)
                .channelType(NioDomainSocketChannel.class)
                .usePlaintext()
                .overrideAuthority("localhost")
                .build();
    }

    private RuntimeServiceGrpc.RuntimeServiceBlockingStub runtime() {
        return RuntimeServiceGrpc.newBlockingStub(channel).withDeadline(Deadline.after(120, TimeUnit.SECONDS));
    }

    private ImageServiceGrpc.ImageServiceBlockingStub images() {
        return ImageServiceGrpc.newBlockingStub(channel).withDeadline(Deadline.after(120, TimeUnit.SECONDS));
    }

    private static ImageSpec spec(String image) {
        return ImageSpec.newBuilder().setImage(image).build();
    }

    void pull(String image) {
        var _ = images().pullImage(
                        PullImageRequest.newBuilder().setImage(spec(image)).build());
    }

    void pull(String image, String user, String password) {
        var _ = images().pullImage(PullImageRequest.newBuilder()
                .setImage(spec(image))
                .setAuth(AuthConfig.newBuilder().setUsername(user).setPassword(password))
                .build());
    }

    void removeImage(String image) {
        var _ = images().removeImage(
                        RemoveImageRequest.newBuilder().setImage(spec(image)).build());
    }

    ImageFsInfoResponse imageFsInfo() {
        return images().imageFsInfo(Nothing.getDefaultInstance());
    }

    /** Namespaces of a pod whose users and groups are so many of the host's, from an id on. */
    static NamespaceOption userNamespace(int host, int length) {
        IDMapping mapping =
                IDMapping.newBuilder().setHostId(host).setLength(length).build();
        return NamespaceOption.newBuilder()
                .setUsernsOptions(UserNamespace.newBuilder().addUids(mapping).addGids(mapping))
                .build();
    }

    private PodSandboxConfig sandbox(String name, NamespaceOption namespaces) {
        return PodSandboxConfig.newBuilder()
                .setMetadata(PodSandboxMetadata.newBuilder()
                        .setName(name)
                        .setUid(name)
                        .setNamespace("default"))
                .setLogDirectory(logs.toString())
                .setLinux(LinuxPodSandboxConfig.newBuilder()
                        .setSecurityContext(
                                LinuxSandboxSecurityContext.newBuilder().setNamespaceOptions(namespaces)))
                .build();
    }

    /** Starts a pod's sandbox, which runs the pause image. */
    String runPod(String name) {
        return runPod(name, HOST_NETWORK);
    }

    String runPod(String name, NamespaceOption namespaces) {
        return runtime()
                .runPodSandbox(RunPodSandboxRequest.newBuilder()
                        .setConfig(sandbox(name, namespaces))
                        .build())
                .getPodSandboxId();
    }

    /** Creates and starts a container in a pod; gives its id. */
    String runContainer(String pod, String podName, String image, List<String> command) {
        return runContainer(pod, podName, image, command, HOST_NETWORK);
    }

    String runContainer(String pod, String podName, String image, List<String> command, NamespaceOption namespaces) {
        String id = createContainer(pod, podName, image, command, namespaces);
        var _ = runtime()
                .startContainer(ContainerRequest.newBuilder().setContainerId(id).build());
        return id;
    }

    String createContainer(String pod, String podName, String image, List<String> command) {
        return createContainer(pod, podName, image, command, HOST_NETWORK);
    }

    private String createContainer(
            String pod, String podName, String image, List<String> command, NamespaceOption namespaces) {
        return runtime()
                .createContainer(CreateContainerRequest.newBuilder()
                        .setPodSandboxId(pod)
                        .setSandboxConfig(sandbox(podName, namespaces))
                        .setConfig(ContainerConfig.newBuilder()
                                .setMetadata(ContainerMetadata.newBuilder().setName("container"))
                                .setImage(spec(image))
                                .addAllCommand(command)
                                .setLogPath(podName + ".log")
                                .setLinux(LinuxContainerConfig.newBuilder()
                                        .setSecurityContext(LinuxContainerSecurityContext.newBuilder()
                                                .setNamespaceOptions(namespaces))))
                        .build())
                .getContainerId();
    }

    /** Runs a command in a container; gives its output. */
    String exec(String container, String... command) throws IOException {
        ExecSyncResponse response = runtime()
                .execSync(ExecSyncRequest.newBuilder()
                        .setContainerId(container)
                        .addAllCmd(List.of(command))
                        .setTimeout(60)
                        .build());
        if (response.getExitCode() != 0) {
            throw new IOException(String.join(" ", command) + ": exit code " + response.getExitCode() + ": "
                    + response.getStderr().toStringUtf8());
        }
        return response.getStdout().toStringUtf8();
    }

    void removeContainer(String id) {
        ContainerRequest request =
                ContainerRequest.newBuilder().setContainerId(id).build();
        var _ = runtime().stopContainer(request);
        var _ = runtime().removeContainer(request);
    }

    void removePod(String id) {
        PodSandboxRequest request =
                PodSandboxRequest.newBuilder().setPodSandboxId(id).build();
        var _ = runtime().stopPodSandbox(request);
        var _ = runtime().removePodSandbox(request);
    }

    @Override
    public void close() {
        var _ = channel.shutdownNow();
        var _ = events.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
