using System.Collections.Immutable;
using Mica.Build;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Makes an image of one layer of a tar, which may be compressed.</summary>
internal sealed class ImageImport(Engine engine)
{
    public async Task<Digest> RunAsync(
        Stream tar, ImageReference? name, string message, Platform? platform, ImmutableArray<string> changes, CancellationToken cancellationToken)
    {
        await using StoreLease lease = await engine.Store.LeaseAsync("import", cancellationToken);
        await using LayerWorkspace workspace = engine.Store.NewWorkspace(lease);
        CreatedLayer layer = await workspace.AddArchiveAsync(archive => Copy(tar, archive, cancellationToken), null, cancellationToken);
        Platform target = platform ?? engine.Options.Platform;
        string created = engine.Options.Time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
        ImageConfig config = ImageChanges.Apply(new ImageConfig
        {
            Os = target.Os,
            Architecture = target.Architecture,
            Variant = target.Variant,
            Config = new ContainerConfig(),
            RootFs = new RootFs { Type = "layers", DiffIds = [layer.DiffId] },
        }, changes) with
        {
            Created = created,
            Comment = message,
            History = [new HistoryEntry { Created = created, Comment = message }],
        };
        Descriptor configDescriptor = await lease.WriteDocumentAsync(MediaTypes.OciConfig, config.ToJson(), cancellationToken);
        var manifest = new ImageManifest { MediaType = MediaTypes.OciManifest, Config = configDescriptor, Layers = [layer.Descriptor] };
        Descriptor root = await lease.WriteDocumentAsync(MediaTypes.OciManifest, manifest.ToJson(), cancellationToken);
        await lease.CommitImageAsync(root, name?.WithDefaultTag(), "import", cancellationToken);
        return configDescriptor.Digest;
    }

    private static void Copy(Stream tar, TarWriter archive, CancellationToken cancellationToken)
    {
        using Stream plain = LayerDecompressor.Open(new BufferedStream(tar, 256 << 10), out _);
        TarReader reader = new(plain);
        while (reader.ReadNext() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            archive.Write(entry with { Segments = null });
            if (entry.Kind != TarEntryKind.File)
            {
                continue;
            }

            long written = 0;
            while (reader.TryReadContent(out ReadOnlySpan<byte> piece, out long offset))
            {
                Fill(archive, offset - written);
                archive.WriteContent(piece);
                written = offset + piece.Length;
            }

            Fill(archive, entry.Size - written);
        }
    }

    private static void Fill(TarWriter archive, long zeros)
    {
        Span<byte> block = stackalloc byte[4096];
        block.Clear();
        for (; zeros > 0; zeros -= Math.Min(zeros, block.Length))
        {
            archive.WriteContent(block[..(int)Math.Min(zeros, block.Length)]);
        }
    }
}
