package dev.rafter.registry.embedded;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.rafter.oci.Descriptor;
import dev.rafter.oci.Digest;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** What one repository holds, by name; the bytes are in {@link Contents}. Thread safe. */
final class Repository {
    private final Set<Digest> blobs = ConcurrentHashMap.newKeySet();
    private final Map<Digest, Descriptor> manifests = new ConcurrentHashMap<>();
    private final Map<Digest, Set<Descriptor>> referrers = new ConcurrentHashMap<>();
    private final Map<String, Digest> tags = new ConcurrentSkipListMap<>();

    /** The form in which a repository is kept on disk. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Stored(Set<String> blobs, Map<String, Descriptor> manifests, Map<String, String> tags) {}

    boolean hasBlob(Digest digest) {
        return blobs.contains(digest);
    }

    void addBlob(Digest digest) {
        blobs.add(digest);
    }

    boolean removeBlob(Digest digest) {
        return blobs.remove(digest);
    }

    Map<Digest, Descriptor> manifests() {
        return manifests;
    }

    Map<String, Digest> tags() {
        return tags;
    }

    void addManifest(Descriptor manifest) {
        manifests.put(manifest.digest(), manifest);
    }

    void addReferrer(Digest subject, Descriptor referrer) {
        referrers.computeIfAbsent(subject, _ -> ConcurrentHashMap.newKeySet()).add(referrer);
    }

    Set<Descriptor> referrers(Digest subject) {
        return referrers.getOrDefault(subject, Set.of());
    }

    /** Forgets a manifest and the tags that name it; false if there is none. */
    boolean removeManifest(Digest digest) {
        tags.values().removeIf(digest::equals);
        referrers
                .values()
                .forEach(of -> of.removeIf(referrer -> referrer.digest().equals(digest)));
        return manifests.remove(digest) != null;
    }

    Stored stored() {
        Set<String> blobNames = new TreeSet<>();
        blobs.forEach(blob -> blobNames.add(blob.toString()));
        Map<String, Descriptor> byDigest = new ConcurrentSkipListMap<>();
        manifests.forEach((digest, descriptor) -> byDigest.put(digest.toString(), descriptor));
        Map<String, String> tagNames = new ConcurrentSkipListMap<>();
        tags.forEach((tag, digest) -> tagNames.put(tag, digest.toString()));
        return new Stored(blobNames, byDigest, tagNames);
    }

    static Repository of(Stored stored) {
        Repository repository = new Repository();
        stored.blobs().forEach(blob -> repository.addBlob(Digest.parse(blob)));
        stored.manifests().values().forEach(repository::addManifest);
        stored.tags().forEach((tag, digest) -> repository.tags.put(tag, Digest.parse(digest)));
        return repository;
    }
}
