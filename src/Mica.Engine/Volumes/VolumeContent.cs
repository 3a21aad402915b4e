using System.Collections.Immutable;
using Mica.Layers;
using Mica.Linux;
using Mica.Oci;
using Mica.Store;

namespace Mica.Engine;

/// <summary>What an image has at a mount point, for a volume that is empty: files with their owners, modes, times and attributes.</summary>
internal sealed class VolumeContent(ImmutableArray<string> trees, string destination, string directory)
{
    public void Copy(CancellationToken cancellationToken)
    {
        using LayerStack stack = new(trees, LayerWorkspace.WhiteoutForm);
        LinuxPath from = stack.Resolve(new LinuxPath(string.Join('/', destination.Split('/', StringSplitOptions.RemoveEmptyEntries))));
        if (stack.Find(from) is not { Kind: FileKind.Directory } status)
        {
            return;
        }

        using DirectoryHandle target = DirectoryHandle.Open(directory);
        string temporary = $"{directory}.{Environment.ProcessId}.tar";
        try
        {
            using FileStream file = new(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 256 << 10, FileOptions.DeleteOnClose);
            TarWriter archive = new(file);
            new TreeArchive(stack, archive, "").Run(from, cancellationToken);
            archive.Finish();
            file.Position = 0;
            LayerApplier.Apply(new TarReader(file), target, LayerWorkspace.ApplyOptions with { MaxUnpackedBytes = long.MaxValue }, cancellationToken);
        }
        catch (LinuxException failure)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(destination)}: cannot be copied into its volume: {failure.Message}", failure);
        }

        target.SetOwner(status.Uid, status.Gid);
        target.SetMode(status.Mode);
        target.SetTimes(null, status.Modified);
    }
}
