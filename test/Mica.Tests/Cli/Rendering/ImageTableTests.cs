using Mica.Cli.Rendering;
using Mica.Oci;
using Mica.Store;

namespace Mica.Tests.Cli.Rendering;

public sealed class ImageTableTests
{
    private static readonly Digest s_id = Digest.Of("config"u8);

    /// <summary>After a push the compressed form had a row of its own, without a tag.</summary>
    [Fact]
    public void Rows_OfABuiltImageThatWasPushed_AreOnePerName()
    {
        StoredImage built = Image("built", ["r.example/app:1", "app:latest"], []);
        StoredImage pushed = Image("pushed", [], ["r.example/app"]);

        Assert.Equal(
            $"r.example/app 1 {pushed.Root.Digest}\napp latest <none>\n", Text(built, pushed));
        Assert.Equal($"r.example/app <none> {pushed.Root.Digest}\n", Text(pushed));
        Assert.Equal($"other 1 <none>\nr.example/app <none> {pushed.Root.Digest}\n", Text(Image("built", ["other:1"], []), pushed));
    }

    private static string Text(params StoredImage[] images)
    {
        Listing listing = ImageTable.Of(digests: true);
        return listing.Render("{{.Repository}} {{.Tag}} {{.Digest}}", quiet: false, ImageTable.Rows(listing, images, truncates: true, DateTimeOffset.UnixEpoch));
    }

    private static StoredImage Image(string manifest, string[] names, string[] repositories)
    {
        Descriptor root = new() { MediaType = MediaTypes.OciManifest, Digest = Digest.Of(System.Text.Encoding.ASCII.GetBytes(manifest)), Size = 1 };
        var variant = new ImageVariant { Manifest = root, Id = s_id };
        return new StoredImage
        {
            Root = root,
            Names = [.. names.Select(name => new StoredName(ImageReference.Parse(name).ToString(), DateTimeOffset.UnixEpoch))],
            Repositories = [.. repositories],
            Variants = [variant],
            Primary = variant,
            Size = 1,
            Added = DateTimeOffset.UnixEpoch,
            Used = DateTimeOffset.UnixEpoch,
        };
    }
}
