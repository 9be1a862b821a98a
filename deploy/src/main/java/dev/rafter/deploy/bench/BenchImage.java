package dev.rafter.deploy.bench;

/**
 * An image of the benchmark, in its registry twice: as it was built, and converted.
 *
 * @param repository "bench/nginx"
 * @param tag "1"
 */
record BenchImage(String repository, String tag) {
    /** For tables: "nginx". */
    String name() {
        return repository.substring(repository.lastIndexOf('/') + 1);
    }

    String reference(String host) {
        return host + "/" + repository + ":" + tag;
    }

    String rafsReference(String host) {
        return host + "/" + repository + ":" + tag + "-rafs";
    }
}
