using System.Collections.Immutable;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Puts what was built where it is wanted.</summary>
internal sealed class BuildExport(Engine engine, StoreLease lease, ImageBuildOptions options, BuildSteps steps)
{
    public async Task<BuiltImage> RunAsync(BuiltImage built, CancellationToken cancellationToken)
    {
        ImmutableArray<BuildOutput> outputs = options.Outputs.IsEmpty ? [new ImageOutput()] : options.Outputs;
        foreach (BuildOutput output in outputs)
        {
            switch (output)
            {
                case ImageOutput image:
                    await StoreAsync(built, cancellationToken);
                    if (image.Push)
                    {
                        built = built with { Pushed = await PushAsync(built, image, cancellationToken) };
                    }

                    break;
                case ArchiveOutput archive:
                    await ArchiveAsync(built, archive, cancellationToken);
                    break;
                case LocalOutput or TarOutput:
                    await new TreeExport(engine.Store, steps, options.Provenance?.FileName).RunAsync(built, output, cancellationToken);
                    break;
            }
        }

        return built;
    }

    private Task<bool> StoreAsync(BuiltImage built, CancellationToken cancellationToken) => steps.RunAsync("exporting to image", async (_, tell) =>
    {
        if (options.Names.IsEmpty)
        {
            await lease.CommitImageAsync(built.Root, null, "build", cancellationToken);
        }

        tell($"writing image {built.Id} done");
        foreach (ImageReference name in options.Names)
        {
            await lease.CommitImageAsync(built.Root, name, "build", cancellationToken);
            tell($"naming to {name} done");
        }

        return true;
    });

    private async Task<Descriptor> PushAsync(BuiltImage built, ImageOutput output, CancellationToken cancellationToken)
    {
        if (options.Names.IsEmpty)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "tag is needed when pushing to registry");
        }

        StoredImage image = await engine.Store.FindAsync(built.Root.Digest.ToString(), cancellationToken)
            ?? throw new MicaException(ErrorKind.Conflict, $"{built.Root.Digest}: was removed while it was being built");
        Descriptor root = await steps.RunAsync("exporting layers", (transfers, _) => CompressAsync(built.Root, output.Compression, transfers, cancellationToken));
        foreach (ImageReference name in options.Names)
        {
            await steps.RunAsync($"pushing {name}", async (transfers, tell) =>
            {
                await new ImagePush(engine, transfers).SendAsync(lease, image, built.Root, root, name, cancellationToken);
                tell($"pushing manifest for {name}@{root.Digest} done");
                return true;
            });
        }

        return root;
    }

    private Task<Descriptor> CompressAsync(
        Descriptor root, LayerCompression compression, IProgress<ProgressEvent> progress, CancellationToken cancellationToken) =>
        new LayerRecompression(engine.Store, lease, compression, Path.Join(engine.Options.Root, "ingest"), progress).RunAsync(root, cancellationToken);

    private Task<bool> ArchiveAsync(BuiltImage built, ArchiveOutput output, CancellationToken cancellationToken) => steps.RunAsync(
        output.Form == ImageArchiveForm.Oci ? "exporting to oci image format" : "exporting to docker image format", async (transfers, tell) =>
    {
        Descriptor root = built.Root;
        if (output.Compression is { } compression)
        {
            root = await CompressAsync(root, compression, transfers, cancellationToken);
        }

        var writer = new ImageArchiveWriter(lease, new ImageArchiveWriterOptions { Form = output.Form, Platform = built.Platforms[0].Platform }, transfers);
        ArchivedImage[] images = [new ArchivedImage(root, options.Names)];
        if (output.To.File is { } file)
        {
            await writer.WriteFileAsync(images, file, cancellationToken);
        }
        else
        {
            await writer.WriteAsync(images, output.To.Stream!, cancellationToken);
        }

        tell($"exporting manifest {root.Digest} done");
        return true;
    });
}
