using Mica.Oci;

namespace Mica.Fuzz.Documents;

/// <summary>What breaks readers of JSON, and what image documents are made of.</summary>
internal static class JsonWords
{
    public const string Sha = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    public const string Sha512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

    public static IReadOnlyList<byte[]> All { get; } =
    [
        .. Testdata.Bytes(
            "null", "true", "{}", "[]", "\"\"", "-1", "0", "1e999", "-0.0", "9223372036854775807", "9223372036854775808", "2.5", "[null]", "{\"a\":null}",
            "\"\\ud800\"", "\\ud800", "\\udc00", "\\u0000", "\\n", "\\u202e", "\"\\u001b[31m\"", "{\"\\ud800\":1}", ",", ":", "\"", "{", "}", "[", "]", " ", "\n",
            "\"a\":1,\"a\":2", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":", "\uFEFF", "//", "<>&\u2028", "\"x\":\"\\ud800\","),
        [0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0],
    ];

    public static IReadOnlyList<byte[]> Image { get; } =
    [
        .. All,
        .. Testdata.Bytes(
            Sha, Sha512, MediaTypes.OciIndex, MediaTypes.OciManifest, MediaTypes.OciConfig, MediaTypes.OciLayerGzip, MediaTypes.DockerManifest,
            MediaTypes.DockerIndex, MediaTypes.DockerSchema1, "\"schemaVersion\":1", "\"schemaVersion\":2", "\"manifests\":[", "\"layers\":[", "\"config\":", "\"mediaType\":",
            "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}", "\"annotations\":{\"a\":\"b\"}", "\"data\":\"aGk=\"", "\"urls\":[\"http://x\"]",
            "\"size\":-1", "\"size\":4194305", "\"subject\":null", "\"artifactType\":\"a\"", "\"os.features\":[\"x\"]", "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}",
            "\"history\":null", "\"Labels\":{\"a\":null}", "\"ExposedPorts\":{\"80/tcp\":{}}", "\"created\":\"2024-01-02T03:04:05.123456789Z\"",
            "\"created\":\"0001-01-01T00:00:00Z\"", "\"Other\":{\"x\":\"\\ud800\"}"),
    ];

    public static string Descriptor(string mediaType) => $$"""{"mediaType":"{{mediaType}}","digest":"{{Sha}}","size":2}""";

    public static string Manifest { get; } = $$$"""
        {"schemaVersion":2,"mediaType":"{{{MediaTypes.OciManifest}}}","config":{{{Descriptor(MediaTypes.OciConfig)}}},"layers":[{{{Descriptor(MediaTypes.OciLayerGzip)}}}],"annotations":{"a":"b"}}
        """;

    public static string Index { get; } = $$$"""
        {"schemaVersion":2,"mediaType":"{{{MediaTypes.OciIndex}}}","manifests":[{"mediaType":"{{{MediaTypes.OciManifest}}}","digest":"{{{Sha}}}","size":2,"platform":{"architecture":"amd64","os":"linux"}},{{{Descriptor(MediaTypes.OciManifest)}}}]}
        """;

    public static string Config { get; } = $$$"""
        {"created":"2024-01-02T03:04:05Z","architecture":"amd64","os":"linux","config":{"User":"u","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/x"],"Cmd":null,"Healthcheck":{"Test":["CMD","x"],"Interval":1},"Volumes":{"/v":{}},"Labels":{"a":"b"},"Memory":1,"Other":{"x":[1,"y"]}},"rootfs":{"type":"layers","diff_ids":["{{{Sha}}}"]},"history":[{"created":"2024-01-02T03:04:05Z","created_by":"x","empty_layer":true},{"comment":"c"}]}
        """;
}
