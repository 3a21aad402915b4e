using System.Collections.Immutable;
using Mica.Layers;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>Writes the files of what was built into a directory or a tar.</summary>
internal sealed class TreeExport(ImageStore store, BuildSteps steps)
{
    public Task<bool> RunAsync(BuiltImage built, BuildOutput output, CancellationToken cancellationToken) => steps.RunAsync(
        output is TarOutput ? "exporting to client tarball" : "exporting to client directory", async (_, tell) =>
    {
        var trees = new List<(string Prefix, LayerStack Stack)>();
        try
        {
            foreach (BuiltPlatform platform in built.Platforms)
            {
                ImmutableArray<string> paths = await store.TreesAsync(platform.Result.Layers, cancellationToken);
                string prefix = built.Platforms.Length == 1 ? "" : platform.Platform.ToString().Replace('/', '_');
                trees.Add((prefix, new LayerStack(paths, LayerWorkspace.WhiteoutForm)));
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

    private static int Write(List<(string Prefix, LayerStack Stack)> trees, BuildOutput output, CancellationToken cancellationToken)
    {
        if (output is LocalOutput(var directory))
        {
            return trees.Sum(tree => new TreeCopy(tree.Stack, Path.Join(directory, tree.Prefix)).Run(cancellationToken));
        }

        OutputPlace to = ((TarOutput)output).To;
        if (to.Stream is { } stream)
        {
            WriteTar(trees, stream, cancellationToken);
            return 0;
        }

        string temporary = $"{to.File}.{Environment.ProcessId}.new";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 256 << 10))
            {
                WriteTar(trees, file, cancellationToken);
            }

            File.Move(temporary, to.File!, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(to.File)}: {Printable.Of(failure.Message)}", failure);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }

        return 0;
    }

    private static void WriteTar(List<(string Prefix, LayerStack Stack)> trees, Stream stream, CancellationToken cancellationToken)
    {
        var archive = new TarWriter(stream);
        foreach ((string prefix, LayerStack stack) in trees)
        {
            new TreeArchive(stack, archive, prefix).Run(cancellationToken);
        }

        archive.Finish();
    }
}
