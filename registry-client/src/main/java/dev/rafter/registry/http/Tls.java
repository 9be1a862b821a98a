package dev.rafter.registry.http;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Whom TLS trusts and as whom it speaks: the authorities of the machine and of the Java run-time, those given for a host, and client
 * certificates. Everything is read from PEM files.
 */
record Tls(SSLSocketFactory socketFactory, X509TrustManager trustManager) {
    /** Where distributions keep the authorities of the machine; the Java run-time's own list does not know a company's. */
    private static final List<Path> SYSTEM_BUNDLES =
            List.of(Path.of("/etc/ssl/certs/ca-certificates.crt"), Path.of("/etc/pki/tls/certs/ca-bundle.crt"));

    private static final Pattern PRIVATE_KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    static Tls of(HostSettings settings) throws IOException {
        try {
            X509TrustManager trust = settings.skipVerify() ? new TrustAll() : trust(settings.authorities());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(settings.clientCertificates()), new TrustManager[] {trust}, new SecureRandom());
            return new Tls(context.getSocketFactory(), trust);
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be set up: " + e.getMessage(), e);
        }
    }

    private static X509TrustManager trust(List<Path> authorities) throws IOException, GeneralSecurityException {
        KeyStore store = emptyStore();
        TrustManagerFactory defaults = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        defaults.init((KeyStore) null);
        for (X509Certificate issuer : x509(defaults).getAcceptedIssuers()) {
            store.setCertificateEntry("java" + store.size(), issuer);
        }
        for (Path bundle : SYSTEM_BUNDLES) {
            if (Files.isReadable(bundle)) {
                addAll(store, bundle);
                break;
            }
        }
        for (Path file : authorities) {
            addAll(store, file);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return x509(factory);
    }

    private static X509TrustManager x509(TrustManagerFactory factory) {
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager x509) {
                return x509;
            }
        }
        throw new IllegalStateException("the Java run-time has no X.509 trust manager");
    }

    private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private static void addAll(KeyStore store, Path file) throws IOException, GeneralSecurityException {
        for (Certificate certificate : certificates(file)) {
            store.setCertificateEntry("file" + store.size(), certificate);
        }
    }

    private static Collection<? extends Certificate> certificates(Path file) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            Collection<? extends Certificate> certificates =
                    CertificateFactory.getInstance("X.509").generateCertificates(in);
            if (certificates.isEmpty()) {
                throw new IOException(file + " holds no certificate");
            }
            return certificates;
        } catch (CertificateException e) {
            throw new IOException(file + " is not a file of PEM certificates: " + e.getMessage(), e);
        }
    }

    private static KeyManager[] keys(List<HostSettings.ClientCertificate> clients)
            throws IOException, GeneralSecurityException {
        KeyStore store = emptyStore();
        char[] password = "in memory only".toCharArray();
        for (HostSettings.ClientCertificate client : clients) {
            Certificate[] chain = certificates(client.certificate()).toArray(new Certificate[0]);
            PrivateKey key = privateKey(client.key(), chain[0].getPublicKey().getAlgorithm());
            store.setKeyEntry("client" + store.size(), key, password, chain);
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, password);
        return factory.getKeyManagers();
    }

    private static PrivateKey privateKey(Path file, String algorithm) throws IOException, GeneralSecurityException {
        Matcher pem = PRIVATE_KEY.matcher(Files.readString(file, StandardCharsets.US_ASCII));
        if (!pem.find()) {
            throw new IOException(
                    file
                            + " holds no unencrypted PKCS 8 key (\"BEGIN PRIVATE KEY\"): openssl pkcs8 -topk8 -nodes makes one");
        }
        byte[] der = Base64.getMimeDecoder().decode(pem.group(1));
        try {
            return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
        } catch (InvalidKeySpecException e) {
            throw new IOException(file + " holds no " + algorithm + " key", e);
        }
    }

    /** For hosts whose certificates the person asked not to verify. */
    private static final class TrustAll implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
