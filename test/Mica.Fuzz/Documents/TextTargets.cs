using System.Text;
using Mica.Oci;
using Mica.Registry;
using Mica.Store;

namespace Mica.Fuzz.Documents;

/// <summary>Names of images as users type them: what parses prints to something that parses to the same.</summary>
internal sealed class ReferencesTarget : FuzzTarget
{
    public override string Description => "ImageReference, ImageLocation, registry names: what users type";

    public override IReadOnlyList<byte[]> Seeds { get; } = Testdata.Bytes(
        "nginx", "team/app:1.2", "docker.io/library/nginx:latest", "localhost:5000/a/b_c/d--e", "[::1]:5000/x", $"ghcr.io/a/b:t@{JsonWords.Sha}",
        $"a@{JsonWords.Sha512}", "docker://r.example/a:b", "oci:/tmp/x:latest", "oci-archive:x.tar:@3", "docker-archive:x.tar:a/b:c", "dir:/tmp/x", "mica:nginx",
        "https://index.docker.io/v1/", "r.example:443/team");

    public override IReadOnlyList<byte[]> Words { get; } = Testdata.Bytes(
        "docker.io/", "index.docker.io/", "library/", "localhost/", "registry-1.docker.io/", "scratch", "[::1]", "[fe80::1%eth0]", "[::ffff:1.2.3.4]", ":", "@", "/", "//", ".", "..",
        "__", "___", "-", "--", ":0", ":65535", ":65536", ":99999999999", ":latest", "@sha256:", "@" + JsonWords.Sha, JsonWords.Sha[7..], "A", "é", "\u0130", "\u0000", "\n",
        "docker://", "oci:", "mica:", "dir:", "docker-archive:", "oci-archive:", "https://", "v1/", "v2/", new string('a', 127), new string('a', 255), "xn--", "%2f");

    public override void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        bool parses = FuzzCase.Accepts(() => Check(ImageReference.Parse(text)));
        FuzzFailure.Unless(parses == ImageReference.TryParse(text, out _), "Parse and TryParse disagree");
        FuzzCase.Accepts(() =>
        {
            ImageLocation location = ImageLocation.Parse(text);
            string printed = location.ToString()!;
            FuzzFailure.Unless(ImageLocation.Parse(printed) == location, $"{Printable.Of(text)} prints as {Printable.Of(printed)}, which is something else");
        });
        FuzzCase.Accepts(() =>
        {
            CredentialKey key = CredentialKey.ParseRegistry(text);
            FuzzFailure.Unless(CredentialKey.Parse(key.ToString()) == key && CredentialKey.Parse(key.ToDockerText()) == key, "a key prints as another one");
        });
        FuzzFailure.Unless(!Digest.TryParse(text, out Digest digest) || digest.ToString() == text, "a digest prints as another one");
    }

    private static void Check(ImageReference reference)
    {
        FuzzFailure.Unless(ImageReference.Parse(reference.ToString()) == reference, $"{reference} parses to something else");
        FuzzFailure.Unless(ImageReference.Parse(reference.Familiar) == reference, $"{reference} is shown as {reference.Familiar}, which is something else");
        FuzzFailure.Unless(ImageReference.Parse(reference.WithDefaultTag().ToString()) == reference.WithDefaultTag(), "the default tag is lost");
        FuzzCase.Accepts(() => new DirectRouting().Endpoints(reference, forPush: false));
    }
}

/// <summary>Platforms as users type them.</summary>
internal sealed class PlatformsTarget : FuzzTarget
{
    public override string Description => "Platform: os/architecture/variant";

    public override IReadOnlyList<byte[]> Seeds { get; } =
        Testdata.Bytes("linux/amd64", "linux/arm/v7", "arm64", "linux/arm64/v8", "windows/amd64", "x86_64", "armhf", "macos/aarch64", "linux");

    public override IReadOnlyList<byte[]> Words { get; } = Testdata.Bytes(
        "/", "linux", "amd64", "arm", "arm64", "386", "i686", "x86-64", "aarch64", "armel", "armhf", "v8.0", "v99999999999", "v-1", "v", "é", "\u0130", "K", "\n", "LINUX");

    public override void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        bool parses = FuzzCase.Accepts(() =>
        {
            var platform = Platform.Parse(text);
            FuzzFailure.Unless(Platform.Parse(platform.ToString()) == platform, $"{platform} parses to something else");
            FuzzFailure.Unless(platform.Normalize() == platform, $"{platform} is not normalized");
            FuzzFailure.Unless(platform.Rank(platform) > 0, $"{platform} does not run its own images");
            Platform.Current.Rank(platform);
        });
        FuzzFailure.Unless(parses == Platform.TryParse(text, out _), "Parse and TryParse disagree");
    }
}
