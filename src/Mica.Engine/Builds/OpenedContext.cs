using Mica.Build;
using Mica.Dockerfile;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>
/// A context whose files lie in a directory: that of the user, or one of the workspace. <paramref name="Directory"/> is null
/// when there are no files. <paramref name="Dockerfile"/> is the Dockerfile that came in their place. <paramref name="Id"/> is
/// the same for the same context the next time.
/// </summary>
internal sealed record OpenedContext(string? Directory, byte[]? Dockerfile, string Id)
{
    /// <summary>The time of a context that comes from elsewhere: of the commit, of the file, else of its newest entry.</summary>
    public DateTimeOffset? Time { get; init; }

    /// <summary>The commit of a git context.</summary>
    public string? Commit { get; init; }
}

/// <summary>Brings contexts to this machine, in directories of <paramref name="workspace"/>.</summary>
internal sealed class ContextOpening(EngineOptions engine, LayerWorkspace workspace)
{
    public async Task<OpenedContext> OpenAsync(BuildContext context, CancellationToken cancellationToken)
    {
        switch (context)
        {
            case DirectoryBuildContext(var directory):
                string path = Path.GetFullPath(directory);
                return Directory.Exists(path) ? new OpenedContext(path, null, path)
                    : throw new MicaException(ErrorKind.NotFound, File.Exists(path)
                        ? $"context must be a directory: {Printable.Of(directory)}"
                        : $"unable to prepare context: path \"{Printable.Of(directory)}\" not found");
            case StreamBuildContext(var content):
                return await OpenAsync(content, "stdin", cancellationToken);
            case WebBuildContext(var address):
                await using (var download = await WebDownload.OpenAsync(address, engine.Downloads, cancellationToken))
                {
                    OpenedContext fetched = await OpenAsync(download.Content, WebDownload.Shown(address), cancellationToken);
                    return fetched with { Time = download.LastModified ?? fetched.Time };
                }

            case GitBuildContext(var address):
                var git = new GitClone(address, workspace.NewDirectory("git"));
                return new OpenedContext(await git.RunAsync(cancellationToken), null, address.ToString()) { Time = git.CommitTime, Commit = git.Commit };
            default:
                throw new MicaException(ErrorKind.Unsupported, $"{context}: unknown kind of context");
        }
    }

    /// <summary>A Dockerfile, or a tar.</summary>
    private Task<OpenedContext> OpenAsync(Stream content, string id, CancellationToken cancellationToken) => Task.Run(() =>
    {
        try
        {
            using var buffered = new PeekedStream(new BorrowedStream(content), TarReader.HeadSize);
            return IsArchive(buffered.Head) ? Unpack(buffered, id, cancellationToken)
                : new OpenedContext(null, ReadDockerfile(buffered, id), id);
        }
        catch (IOException failure)
        {
            throw new MicaException(ErrorKind.Failed, $"{id}: {Printable.Of(failure.Message)}", failure);
        }
    }, cancellationToken);

    internal static byte[] ReadDockerfile(Stream content, string name)
    {
        using var copy = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int count; (count = content.Read(buffer)) > 0;)
        {
            copy.Write(buffer, 0, count);
            if (copy.Length > SourceText.MaxBytes)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{name}: the Dockerfile is larger than {SourceText.MaxBytes >> 20} MiB");
            }
        }

        return copy.Length > 0 ? copy.ToArray()
            : throw new MicaException(ErrorKind.InvalidArgument, $"{name}: the Dockerfile cannot be empty");
    }

    private OpenedContext Unpack(PeekedStream archive, string name, CancellationToken cancellationToken)
    {
        string directory = workspace.NewDirectory("context");
        var options = new LayerApplyOptions
        {
            WhiteoutForm = LayerWorkspace.WhiteoutForm,
            PreserveOwnership = false,
            MaxUnpackedBytes = engine.MaxLayerBytes,
        };
        try
        {
            using var target = DirectoryHandle.Open(directory);
            using OtherDecompressor? other = OtherDecompressor.TryOpen(archive.Head, archive);
            using Stream tar = other?.Output ?? LayerDecompressor.Open(archive, out _);
            AppliedLayer applied = LayerApplier.Apply(new TarReader(tar), target, options, cancellationToken);
            return new OpenedContext(directory, null, name) { Time = NewestEntry.Find(target, [.. applied.ImpliedDirectories]) };
        }
        catch (MicaException failure)
        {
            throw new MicaException(failure.Kind, $"{name}: {failure.Message}", failure);
        }
    }

    /// <summary>By the magic numbers of compressions, or the check sum of a tar's first header.</summary>
    private static bool IsArchive(ReadOnlySpan<byte> head) =>
        head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) || head.StartsWith("BZh"u8) || head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z'])
        || head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) || TarReader.IsArchive(head);
}
