using System.Text;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Store;

/// <summary>A file that a user names for something to be written to.</summary>
public static class OutputFile
{
    /// <summary>
    /// The file is there when all of it is written, and not before; a file that is there is replaced, also where a link leads to
    /// it. What is no regular file, such as /dev/null or a named pipe, is written to.
    /// </summary>
    /// <exception cref="MicaException">It cannot be written; the message begins with <paramref name="path"/>.</exception>
    public static async Task WriteAsync(string path, Func<Stream, Task> write)
    {
        try
        {
            string target = FinalTarget(Path.GetFullPath(path));
            using DirectoryHandle directory = DirectoryHandle.Open(Path.GetDirectoryName(target)!);
            byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(target));
            Errno errno = directory.TryGetStatus(name, out FileStatus status);
            if (errno == Errno.None && status.Kind == FileKind.Directory)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{Printable.Of(path)}: is a directory");
            }

            if (errno == Errno.None && status.Kind != FileKind.File)
            {
                await using var special = new FileStream(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                await write(special);
                return;
            }

            await using StagedFile staged = StagedFile.Create(Path.Join(Path.GetDirectoryName(target), ".mica-staged-"));
            await write(staged.Stream);
            staged.Commit(directory, directory, name);
        }
        catch (Exception failure) when (StoreErrors.Translate(failure, Printable.Of(path)) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>The file behind a symbolic link; the link itself where it leads to something without a path, as /dev/stdout may.</summary>
    private static string FinalTarget(string path) =>
        new FileInfo(path) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target
            ? target.FullName
            : path;
}
