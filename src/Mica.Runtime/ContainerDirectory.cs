using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A container's own directories, held by a lock of our process. Of one that nobody holds the process has died: what is there
/// are remains.
/// </summary>
internal sealed class ContainerDirectory : IDisposable
{
    private const string LockName = "lock";

    private readonly FileLock _lock;
    private readonly RuntimeOptions _options;

    private ContainerDirectory(RuntimeOptions options, string id, FileLock held)
    {
        (_options, _lock) = (options, held);
        Path = System.IO.Path.Combine(options.StateDirectory, id);
        Scratch = System.IO.Path.Combine(options.ScratchDirectory, id);
    }

    /// <summary>In the state directory.</summary>
    public string Path { get; }

    /// <summary>In the scratch directory; made when it is needed.</summary>
    public string Scratch { get; }

    /// <summary>Where the bundle is, in the container's own mount namespace only.</summary>
    public string Bundle => System.IO.Path.Combine(Path, "bundle");

    /// <exception cref="MicaException"><see cref="ErrorKind.Conflict"/>: it is another's.</exception>
    public static ContainerDirectory Acquire(RuntimeOptions options, string id)
    {
        ContainerDirectory directory = TryAcquire(options, id)
            ?? throw new MicaException(ErrorKind.Conflict, $"container {id} is running already");
        directory.RemoveRemains();
        Directory.CreateDirectory(directory.Bundle);
        return directory;
    }

    public static List<string> RemoveLeftovers(RuntimeOptions options)
    {
        List<string> removed = [];
        if (Directory.Exists(options.StateDirectory))
        {
            foreach (string path in Directory.GetDirectories(options.StateDirectory))
            {
                string id = System.IO.Path.GetFileName(path);
                if (File.Exists(System.IO.Path.Combine(path, LockName)) && TryAcquire(options, id) is { } directory)
                {
                    directory.Dispose();
                    removed.Add(id);
                }
            }
        }

        return removed;
    }

    /// <summary>Removes everything of the container.</summary>
    public void Dispose()
    {
        RemoveRemains();
        LinuxFileSystem.RemoveTree(Path);
        _lock.Dispose();
    }

    private static ContainerDirectory? TryAcquire(RuntimeOptions options, string id)
    {
        string path = System.IO.Path.Combine(options.StateDirectory, id);
        while (true)
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            try
            {
                return FileLock.TryAcquire(System.IO.Path.Combine(path, LockName), FileLockMode.Exclusive) is { } held
                    ? new ContainerDirectory(options, id, held)
                    : null;
            }
            catch (LinuxException failure) when (failure.Errno == Errno.ENOENT)
            {
                // Its last owner removed the directory just now.
            }
        }
    }

    private void RemoveRemains()
    {
        BridgeNetwork.RemoveRemains(_options, Path);
        Cgroups.Remove(System.IO.Path.GetFileName(Path));
        LinuxFileSystem.RemoveTree(Scratch);
        LinuxFileSystem.RemoveTree(Bundle);
    }
}
