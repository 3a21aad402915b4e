using CsCheck;
using Mica.Oci;

namespace Mica.Tests.Oci;

public sealed class ImageReferenceTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Theory]
    [InlineData("nginx", "docker.io/library/nginx", "nginx")]
    [InlineData("nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25")]
    [InlineData("library/nginx", "docker.io/library/nginx", "nginx")]
    [InlineData("docker.io/nginx", "docker.io/library/nginx", "nginx")]
    [InlineData("docker.io/library/nginx:a", "docker.io/library/nginx:a", "nginx:a")]
    [InlineData("index.docker.io/nginx", "docker.io/library/nginx", "nginx")]
    [InlineData("index.docker.io/user/app", "docker.io/user/app", "user/app")]
    [InlineData("user/app", "docker.io/user/app", "user/app")]
    [InlineData("library/a/b", "docker.io/library/a/b", "library/a/b")]
    [InlineData("a/b/c", "docker.io/a/b/c", "a/b/c")]
    [InlineData("localhost", "docker.io/library/localhost", "localhost")]
    [InlineData("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000")]
    [InlineData("example.com", "docker.io/library/example.com", "example.com")]
    [InlineData("localhost/app", "localhost/app", "localhost/app")]
    [InlineData("localhost:5000/app", "localhost:5000/app", "localhost:5000/app")]
    [InlineData("myhost/app", "docker.io/myhost/app", "myhost/app")]
    [InlineData("MyHost/app", "MyHost/app", "MyHost/app")]
    [InlineData("myhost:80/app:1", "myhost:80/app:1", "myhost:80/app:1")]
    [InlineData("127.0.0.1/a", "127.0.0.1/a", "127.0.0.1/a")]
    [InlineData("127.0.0.1:5000/debian:trixie-slim", "127.0.0.1:5000/debian:trixie-slim", "127.0.0.1:5000/debian:trixie-slim")]
    [InlineData("[::1]/a", "[::1]/a", "[::1]/a")]
    [InlineData("[2001:db8::1]:5000/a/b:c", "[2001:db8::1]:5000/a/b:c", "[2001:db8::1]:5000/a/b:c")]
    [InlineData("ghcr.io/o-w_n.er/a__b/c---d:T_a.g-1", "ghcr.io/o-w_n.er/a__b/c---d:T_a.g-1", "ghcr.io/o-w_n.er/a__b/c---d:T_a.g-1")]
    [InlineData("xn--n3h.com/a", "xn--n3h.com/a", "xn--n3h.com/a")]
    [InlineData("nginx@sha256:" + Hex, "docker.io/library/nginx@sha256:" + Hex, "nginx@sha256:" + Hex)]
    [InlineData("nginx:1@sha256:" + Hex, "docker.io/library/nginx:1@sha256:" + Hex, "nginx:1@sha256:" + Hex)]
    [InlineData("localhost:5000@sha256:" + Hex, "docker.io/library/localhost:5000@sha256:" + Hex, "localhost:5000@sha256:" + Hex)]
    [InlineData("a.b/" + Hex, "a.b/" + Hex, "a.b/" + Hex)]
    [InlineData(Hex + ":tag", "docker.io/library/" + Hex + ":tag", Hex + ":tag")]
    [InlineData("library/" + Hex, "docker.io/library/" + Hex, "docker.io/library/" + Hex)]
    [InlineData("docker.io/localhost/app:1", "docker.io/localhost/app:1", "docker.io/localhost/app:1")]
    [InlineData("docker.io/ghcr.io/app", "docker.io/ghcr.io/app", "docker.io/ghcr.io/app")]
    [InlineData("docker.io/index.docker.io/app", "docker.io/index.docker.io/app", "docker.io/index.docker.io/app")]
    public void Parse_WhatAUserTypes_IsNormalizedAsDockerDoes(string text, string canonical, string familiar)
    {
        ImageReference reference = ImageReference.Parse(text);

        Assert.Equal(canonical, reference.ToString());
        Assert.Equal(familiar, reference.Familiar);
        Assert.Equal(reference, ImageReference.Parse(canonical));
        Assert.Equal(reference, ImageReference.Parse(familiar));
    }

    [Theory]
    [InlineData("", "invalid reference format: \"\"")]
    [InlineData(":tag", "invalid reference format: \":tag\"")]
    [InlineData("a:", "invalid reference format: \"a:\"")]
    [InlineData("a b", "invalid reference format: \"a b\"")]
    [InlineData(" a", "invalid reference format: \" a\"")]
    [InlineData("a/", "invalid reference format: \"a/\"")]
    [InlineData("/a", "invalid reference format: \"/a\"")]
    [InlineData("a//b", "invalid reference format: \"a//b\"")]
    [InlineData("a.-b", "invalid reference format: \"a.-b\"")]
    [InlineData("a..b", "invalid reference format: \"a..b\"")]
    [InlineData("a___b", "invalid reference format: \"a___b\"")]
    [InlineData("-a", "invalid reference format: \"-a\"")]
    [InlineData("a-", "invalid reference format: \"a-\"")]
    [InlineData("_a", "invalid reference format: \"_a\"")]
    [InlineData("../a", "invalid reference format: \"../a\"")]
    [InlineData("a/../b", "invalid reference format: \"a/../b\"")]
    [InlineData("a:-tag", "invalid reference format: \"a:-tag\"")]
    [InlineData("a:.tag", "invalid reference format: \"a:.tag\"")]
    [InlineData("a:b:c", "invalid reference format: \"a:b:c\"")]
    [InlineData("caf\u00e9", "invalid reference format: \"caf\u00e9\"")]
    [InlineData("a\n", "invalid reference format: \"a\\x0a\"")]
    [InlineData("a:t\n", "invalid reference format: \"a:t\\x0a\"")]
    [InlineData("\u0130x/a", "invalid reference format: \"\u0130x/a\"")]
    [InlineData("https://a.b/c", "invalid reference format: \"https://a.b/c\"")]
    [InlineData("a.b:port/c", "invalid reference format: \"a.b:port/c\"")]
    [InlineData("-a.b/c", "invalid reference format: \"-a.b/c\"")]
    [InlineData("a_b.c/d", "invalid reference format: \"a_b.c/d\"")]
    [InlineData("[::1/a", "invalid reference format: \"[::1/a\"")]
    [InlineData("[::1%eth0]/a", "invalid reference format: \"[::1%eth0]/a\"")]
    [InlineData("[::1]x/a", "invalid reference format: \"[::1]x/a\"")]
    [InlineData("[127.0.0.1]/a", "invalid reference format: \"[127.0.0.1]/a\"")]
    [InlineData("a@", "invalid reference format: \"a@\"")]
    [InlineData("a@b@c", "invalid reference format: \"a@b@c\"")]
    [InlineData("@sha256:" + Hex, "invalid reference format: \"@sha256:" + Hex + "\"")]
    [InlineData("a@sha256:abc", "invalid reference format: \"a@sha256:abc\"")]
    [InlineData("a@sha256:d41d8cd98f00b204e9800998ecf8427e", "invalid digest format: \"sha256:d41d8cd98f00b204e9800998ecf8427e\" is not a sha256 or sha512 digest")]
    [InlineData("a@md5:d41d8cd98f00b204e9800998ecf8427e", "invalid digest format: \"md5:d41d8cd98f00b204e9800998ecf8427e\" is not a sha256 or sha512 digest")]
    [InlineData(Hex, "invalid repository name (" + Hex + "), cannot specify 64-byte hexadecimal strings")]
    [InlineData("Ubuntu", "invalid reference format: repository name (library/Ubuntu) must be lowercase")]
    [InlineData("user/App:1", "invalid reference format: repository name (user/App) must be lowercase")]
    [InlineData("localhost:5000/Foo", "invalid reference format: repository name (Foo) must be lowercase")]
    [InlineData("scratch", "'scratch' is a reserved name")]
    public void Parse_NotAReference_SaysWhatDockerSays(string text, string message)
    {
        MicaException error = Assert.Throws<MicaException>(() => ImageReference.Parse(text));

        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Equal(message, error.Message);
        Assert.False(ImageReference.TryParse(text, out _));
    }

    [Fact]
    public void Parse_Lengths_AreDockers()
    {
        Assert.Equal(255, ImageReference.Parse($"a.b/{new string('x', 255)}").Path.Length);
        Assert.Equal("repository name must not be more than 255 characters",
            Assert.Throws<MicaException>(() => ImageReference.Parse($"a.b/{new string('x', 256)}")).Message);
        Assert.Equal(128, ImageReference.Parse($"a:{new string('t', 128)}").Tag!.Length);
        Assert.False(ImageReference.TryParse($"a:{new string('t', 129)}", out _));
        Assert.False(ImageReference.TryParse(new string('a', 5000), out _));
        Assert.False(ImageReference.TryParse(null, out _));
    }

    [Fact]
    public void Target_DigestBeforeTagBeforeLatest()
    {
        Assert.Equal("latest", ImageReference.Parse("a").Target);
        Assert.Equal("1", ImageReference.Parse("a:1").Target);
        Assert.Equal("sha256:" + Hex, ImageReference.Parse("a:1@sha256:" + Hex).Target);
    }

    [Fact]
    public void WithDefaultTag_OnlyWhenThereIsNeither()
    {
        Assert.Equal("a:latest", ImageReference.Parse("a").WithDefaultTag().Familiar);
        Assert.Equal("a:1", ImageReference.Parse("a:1").WithDefaultTag().Familiar);
        Assert.Equal("a@sha256:" + Hex, ImageReference.Parse("a@sha256:" + Hex).WithDefaultTag().Familiar);
    }

    [Fact]
    public void WithTagOrDigest_ReplacesBoth()
    {
        ImageReference reference = ImageReference.Parse("h.io/a:1@sha256:" + Hex);

        Assert.Equal("h.io/a:2", reference.WithTag("2").ToString());
        Assert.Equal("h.io/a@sha256:" + Hex, reference.WithDigest(reference.Digest!.Value).ToString());
        Assert.Equal("invalid tag format: \"a b\"", Assert.Throws<MicaException>(() => reference.WithTag("a b")).Message);
    }

    [Fact]
    public void Parse_AnyText_NeverThrowsAnythingElseAndPrintsBack()
    {
        Gen.String[Gen.Char["aZ0:/@._-[]%\n é"], 0, 30].Sample(
            text =>
            {
                if (ImageReference.TryParse(text, out ImageReference? reference))
                {
                    Assert.Equal(reference, ImageReference.Parse(reference.ToString()));
                    Assert.Equal(reference, ImageReference.Parse(reference.Familiar));
                }
                else
                {
                    Assert.Throws<MicaException>(() => ImageReference.Parse(text));
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void Parse_GeneratedReference_PrintsBack()
    {
        Gen<string> word = Gen.String[Gen.Char["abcxyz019"], 1, 8];
        Gen<string> component = Gen.Select(word, AnyOf(".", "_", "__", "-", "---"), word, (left, separator, right) => left + separator + right);
        Gen<string> domain = Gen.OneOf(
            Gen.Const(""), AnyOf("localhost/", "Host/", "10.0.0.1:5000/", "[fe80::1]/", "[fe80::1]:443/"),
            Gen.Select(word, word, (left, right) => $"{left}.{right}/"));
        Gen<string> path = component.Array[1, 4].Select(parts => string.Join('/', parts));
        Gen<string> suffix = Gen.OneOf(
            Gen.Const(""), Gen.String[Gen.Char["aZ0_"], 1, 100].Select(tag => ":" + tag), Gen.Const("@sha256:" + Hex), Gen.Const(":t@sha256:" + Hex));
        Gen.Select(domain, path, suffix).Sample(
            (prefix, name, rest) =>
            {
                ImageReference reference = ImageReference.Parse(prefix + name + rest);
                Assert.EndsWith(name + rest, reference.ToString(), StringComparison.Ordinal);
                Assert.Equal(reference, ImageReference.Parse(reference.ToString()));
                Assert.Equal(reference, ImageReference.Parse(reference.Familiar));
            },
            iter: 5000);
    }

    private static Gen<string> AnyOf(params string[] choices) => Gen.Int[0, choices.Length - 1].Select(at => choices[at]);
}
