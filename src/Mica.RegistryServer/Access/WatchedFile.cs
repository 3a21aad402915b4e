namespace Mica.RegistryServer.Access;

/// <summary>Tells when a file is another than before. A symbolic link is followed: what it points at may be exchanged.</summary>
/// <param name="path">The file.</param>
/// <param name="time">The clock.</param>
internal sealed class WatchedFile(string path, TimeProvider time)
{
    /// <summary>A file is looked at this often at most, however many requests there are.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private (string Target, DateTime Changed, long Length)? _seen;
    private long _looked;

    public string Path => path;

    /// <summary>Whether the file is to be read; true for one caller only, and again after the next change.</summary>
    public bool TakeChange()
    {
        lock (_lock)
        {
            if (_seen is not null && time.GetElapsedTime(_looked) < s_interval)
            {
                return false;
            }

            _looked = time.GetTimestamp();
            (string, DateTime, long) now = Look();
            if (now == _seen)
            {
                return false;
            }

            _seen = now;
            return true;
        }
    }

    private (string Target, DateTime Changed, long Length) Look()
    {
        try
        {
            var file = new FileInfo(path);
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            return file.Exists ? (file.FullName, file.LastWriteTimeUtc, file.Length) : (file.FullName, default, -1);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (path, default, -1);
        }
    }
}
