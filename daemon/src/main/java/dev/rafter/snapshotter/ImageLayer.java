package dev.rafter.snapshotter;

import dev.rafter.oci.Digest;

/**
 * One layer of one image, as containerd names them when it unpacks.
 *
 * @param reference the image's full reference as the client gave it, "registry.example/app:1"
 * @param manifest the digest of the platform's manifest
 * @param layer the digest of the layer's blob
 */
public record ImageLayer(String reference, Digest manifest, Digest layer) {
    @Override
    public String toString() {
        return "layer " + layer + " of " + reference;
    }
}
