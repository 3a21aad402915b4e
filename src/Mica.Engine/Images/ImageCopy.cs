using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What a copy takes.</summary>
public sealed record CopyOptions
{
    /// <summary>An index goes as it is, with all it refers to; else the manifest for one platform is chosen from it.</summary>
    public bool All { get; init; }

    /// <summary>The platform to choose; null for the engine's.</summary>
    public Platform? Platform { get; init; }
}

/// <summary>Copies an image, or an artifact, from one kind of place to another.</summary>
internal sealed class ImageCopy(Engine engine, CopyOptions options, IProgress<ProgressEvent>? progress)
{
    public async Task<Descriptor> RunAsync(ImageLocation from, ImageLocation to, CancellationToken cancellationToken)
    {
        await using var opened = await OpenedImage.OpenAsync(engine, from, progress, cancellationToken);
        Descriptor root = await ChooseAsync(opened, cancellationToken);
        switch (to)
        {
            case RegistryLocation(var reference):
                ImageReference name = reference.WithDefaultTag();
                await CopyAsync(opened.Source, root, engine.Registry.Repository(name, progress), name.Tag ?? name.Target, MountFrom(from, name), cancellationToken);
                break;
            case OciLayoutLocation(var path, var layoutName):
                OciLayout layout = await OciLayout.CreateAsync(path, cancellationToken);
                await CopyAsync(opened.Source, root, layout, layoutName, null, cancellationToken);
                if (layoutName is null)
                {
                    await layout.AddAsync(root, cancellationToken);
                }

                break;
            case DirectoryLocation(var path):
                DirectoryImage directory = await DirectoryImage.CreateAsync(path, cancellationToken);
                await CopyAsync(opened.Source, root, directory, "latest", null, cancellationToken);
                await directory.RemoveUnusedAsync(cancellationToken);
                break;
            case OciArchiveLocation(var path, var ociName):
                await WriteArchiveAsync(opened.Source, new ArchivedImage(root, []) { Name = ociName }, ImageArchiveForm.Oci, path, cancellationToken);
                break;
            case DockerArchiveLocation(var path, var dockerName):
                await WriteArchiveAsync(opened.Source,
                    new ArchivedImage(root, dockerName is null ? [] : [ImageReference.Parse(dockerName)]), ImageArchiveForm.Docker, path, cancellationToken);
                break;
            case StoreLocation(var storeName):
                await engine.Images.StoreAsync(opened.Source, root, opened.HasAsync, ImageReference.Parse(storeName).WithDefaultTag(), "copy", progress, cancellationToken);
                break;
        }

        return root;
    }

    private async Task<Descriptor> ChooseAsync(OpenedImage opened, CancellationToken cancellationToken)
    {
        if (options.All || !MediaTypes.IsIndex(opened.Root.MediaType))
        {
            return opened.Root;
        }

        Image image = await Image.OpenAsync(opened.Source, opened.Root, options.Platform ?? engine.Options.Platform, cancellationToken);
        return image.ManifestDescriptor;
    }

    private async Task CopyAsync(
        IContentSource source, Descriptor root, IContentTarget target, string? tag, string? mountFrom, CancellationToken cancellationToken)
    {
        using var copy = new ContentCopy(source, target, new ContentCopyOptions
        {
            Concurrency = engine.Options.Concurrency,
            MountFrom = mountFrom is null ? null : _ => mountFrom,
        }, progress);
        await copy.CopyAsync(root, cancellationToken);
        if (tag is not null && !Digest.TryParse(tag, out _))
        {
            await target.TagAsync(root, tag, cancellationToken);
        }
    }

    private Task WriteArchiveAsync(
        IContentSource source, ArchivedImage image, ImageArchiveForm form, string path, CancellationToken cancellationToken) =>
        new ImageArchiveWriter(source, new ImageArchiveWriterOptions { Form = form, Platform = engine.Options.Platform }, progress)
            .WriteFileAsync([image], path, cancellationToken);

    /// <summary>Between two repositories of one registry nothing needs to be transferred.</summary>
    private static string? MountFrom(ImageLocation from, ImageReference to) =>
        from is RegistryLocation(var source) && source.Domain == to.Domain && source.Path != to.Path ? source.Path : null;
}
