using System.Collections.Immutable;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Writes the files of what was built into a directory or a tar, and beside them how they were made, if that is known.</summary>
internal sealed class TreeExport(ImageStore store, BuildSteps steps, string? provenanceName)
{
    public Task<bool> RunAsync(BuiltImage built, BuildOutput output, CancellationToken cancellationToken) => steps.RunAsync(
        output is TarOutput ? "exporting to client tarball" : "exporting to client directory", async (_, tell) =>
    {
        var trees = new List<Tree>();
        try
        {
            foreach (BuiltPlatform platform in built.Platforms)
            {
                ImmutableArray<string> paths = await store.TreesAsync(platform.Result.Layers, cancellationToken);
                string prefix = built.Platforms.Length == 1 ? "" : platform.Platform.ToString().Replace('/', '_');
                trees.Add(new Tree(prefix, new LayerStack(paths, LayerWorkspace.WhiteoutForm), platform.Result.Provenance?.Statement));
            }

            if (output is TarOutput { To: { Stream: null, File: { } file } })
            {
                await OutputFile.WriteAsync(file, stream => Task.Run(() => WriteTar(trees, stream, cancellationToken), cancellationToken));
                return true;
            }

            int left = await Task.Run(() => Write(trees, output, cancellationToken), cancellationToken);
            if (left > 0)
            {
                tell($"left out {left} devices, sockets and named pipes");
            }

            return true;
        }
        finally
        {
            trees.ForEach(tree => tree.Stack.Dispose());
        }
    });

    private int Write(List<Tree> trees, BuildOutput output, CancellationToken cancellationToken)
    {
        if (output is LocalOutput(var directory))
        {
            int left = trees.Sum(tree => new TreeCopy(tree.Stack, Path.Join(directory, tree.Prefix)).Run(cancellationToken));
            trees.ForEach(tree => WriteProvenance(tree, Path.Join(directory, tree.Prefix)));
            return left;
        }

        WriteTar(trees, ((TarOutput)output).To.Stream!, cancellationToken);
        return 0;
    }

    private void WriteTar(List<Tree> trees, Stream stream, CancellationToken cancellationToken)
    {
        var archive = new TarWriter(stream);
        foreach (Tree tree in trees)
        {
            new TreeArchive(tree.Stack, archive, tree.Prefix).Run(default, cancellationToken);
            if (tree.Provenance is { } provenance)
            {
                string path = tree.Prefix.Length == 0 ? provenanceName! : $"{tree.Prefix}/{provenanceName}";
                archive.Write(new TarEntry { Kind = TarEntryKind.File, Path = new LinuxPath(path), Mode = 0x1a4, Size = provenance.Length }, provenance.Span);
            }
        }

        archive.Finish();
    }

    /// <summary>In place of what the image has there: a link of the image's would lead to who knows where.</summary>
    private void WriteProvenance(Tree tree, string directory)
    {
        if (tree.Provenance is not { } provenance)
        {
            return;
        }

        string path = Path.Join(directory, provenanceName);
        try
        {
            File.Delete(path);
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
            file.Write(provenance.Span);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: {Printable.Of(failure.Message)}", failure);
        }
    }

    private sealed record Tree(string Prefix, LayerStack Stack, ReadOnlyMemory<byte>? Provenance);
}
