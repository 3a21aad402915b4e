using Mica.Oci;

namespace Mica.Registry;

/// <summary>Reading of small configuration files, with errors that name the file.</summary>
internal static class ConfigurationFile
{
    /// <summary>Far more than any real one has.</summary>
    private const int MaxSize = 4 << 20;

    /// <summary>The file's bytes without a byte-order mark; null when it does not exist.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.PermissionDenied"/>, or <see cref="ErrorKind.Failed"/> for what else can be wrong.</exception>
    public static byte[]? Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, new FileStreamOptions { Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            using var content = new MemoryStream();
            byte[] buffer = new byte[16 << 10];
            for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
            {
                content.Write(buffer, 0, count);
                if (content.Length > MaxSize)
                {
                    throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: a configuration file may have {MaxSize} bytes, this one has more");
                }
            }

            byte[] bytes = content.ToArray();
            return bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException error)
        {
            string reason = Directory.Exists(path) ? "is a directory, not a file" : "permission denied";
            throw new MicaException(ErrorKind.PermissionDenied, $"{Printable.Of(path)}: {reason}", error);
        }
        catch (IOException error)
        {
            throw new MicaException(ErrorKind.Failed, $"{Printable.Of(path)}: cannot be read ({Printable.Of(error.Message)})", error);
        }
    }
}
