package dev.rafter.api;

import java.util.List;

/** An image that is kept on the node: it can be mounted without asking a registry. */
public record ImageView(String digest, String image, List<String> blobs) {}
