using System.Security.Cryptography;
using System.Text;
using Mica.Oci;

namespace Mica.RegistryServer.Access;

/// <summary>
/// Changes a file of users with bcrypt passwords, as <c>htpasswd -B</c> does: lines that are about others stay as they are,
/// and the file changes as a whole, so that a registry that reads it sees the one or the other.
/// </summary>
public static class RegistryUsers
{
    private const int Cost = 11;
    private const int MaxPassword = 72;

    /// <summary>Gives the user this password; makes user and file when they are not there.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: the name or the password cannot be one.</exception>
    public static void Set(string path, string name, string password)
    {
        if (!Principal.IsName(name) || name == HtpasswdFile.ReservedName || name.Contains(':', StringComparison.Ordinal) || name[0] == '#')
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid name of a user: \"{Printable.Of(name)}\"");
        }

        // bcrypt would ignore what comes after, and end at a null.
        if (password.Length == 0 || Encoding.UTF8.GetByteCount(password) > MaxPassword || password.Contains('\0', StringComparison.Ordinal))
        {
            throw new MicaException(ErrorKind.InvalidArgument, password.Length == 0 ? "the password is empty" : $"the password has more than {MaxPassword} bytes, or a null in it");
        }

        string line = $"{name}:{BCrypt.Net.BCrypt.HashPassword(password, BCrypt.Net.BCrypt.GenerateSalt(Cost, 'y'))}";
        List<string> lines = Read(path);
        int at = lines.FindIndex(other => IsOf(other, name));
        if (at < 0)
        {
            lines.Add(line);
        }
        else
        {
            lines[at] = line;
            lines.RemoveAll(other => IsOf(other, name) && other != line);
        }

        Write(path, lines);
    }

    /// <summary>Removes the user.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: the file has none of this name.</exception>
    public static void Remove(string path, string name)
    {
        List<string> lines = Read(path);
        if (lines.RemoveAll(line => IsOf(line, name)) == 0)
        {
            throw new MicaException(ErrorKind.NotFound, $"{path} has no user {Printable.Of(name)}");
        }

        Write(path, lines);
    }

    private static bool IsOf(string line, string name) => line.StartsWith(name + ":", StringComparison.Ordinal);

    private static List<string> Read(string path)
    {
        try
        {
            return [.. File.ReadAllLines(path)];
        }
        catch (FileNotFoundException)
        {
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.PermissionDenied, $"{path}: cannot be read", error);
        }
    }

    private static void Write(string path, List<string> lines)
    {
        string target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? path;
        string making = $"{target}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        try
        {
            using (var file = new FileStream(making, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                file.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\n"))));
                file.Flush(flushToDisk: true);
            }

            if (File.Exists(target))
            {
                // A registry that runs as another user may read it by its group.
                File.SetUnixFileMode(making, File.GetUnixFileMode(target));
            }

            File.Move(making, target, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(making);
            throw new MicaException(ErrorKind.PermissionDenied, $"{path}: cannot be written", error);
        }
    }
}
