/**
 * HTTP as a registry client needs it: one request, one answer ({@link HttpClient}), over OkHttp, which only this package
 * imports. Around that: limits per host, retries with jitter inside a deadline, redirects that leave credentials behind.
 */
@NullMarked
package dev.rafter.registry.http;

import org.jspecify.annotations.NullMarked;
