using System.Collections.Frozen;
using System.Globalization;
using Mica.Oci;
using Microsoft.Extensions.Logging;

namespace Mica.RegistryServer.Access;

/// <summary>
/// The users of a file that <c>htpasswd -B</c> writes, read again when it changes. Lines with anything but bcrypt are nobody.
/// A change that cannot be read leaves nobody: rather that than somebody who was removed.
/// </summary>
internal sealed partial class HtpasswdFile(string path, TimeProvider time, ILogger log)
{
    /// <summary>What <c>robot:NAME</c> looks like to basic authentication, which ends the name at the first colon.</summary>
    public const string ReservedName = "robot";

    private const long MaxSize = 16 << 20;

    private readonly WatchedFile _file = new(path, time);
    private readonly Lock _lock = new();
    private volatile FrozenDictionary<string, string> _users = FrozenDictionary<string, string>.Empty;

    /// <summary>The bcrypt hash of the user's password, or null.</summary>
    public string? Find(string name) => Users().GetValueOrDefault(name);

    /// <summary>The highest cost in the file, so that it takes as long to find that nobody has a name.</summary>
    public int Cost() => Users().Values.Select(CostOf).DefaultIfEmpty(10).Max();

    /// <summary>Splits a line; null when it is not of a user with bcrypt.</summary>
    public static (string Name, string Hash)? Parse(string line)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || line[0] == '#')
        {
            return null;
        }

        string name = line[..colon];
        string hash = line[(colon + 1)..].TrimEnd();
        return Principal.IsName(name) && name != ReservedName && IsBcrypt(hash) ? (name, hash) : null;
    }

    private static bool IsBcrypt(string hash) => hash.Length == 60 && hash[0] == '$' && hash[1] == '2' && hash[2] is 'a' or 'b' or 'y'
        && hash[3] == '$' && hash[6] == '$' && CostOf(hash) is >= 4 and <= 31;

    private static int CostOf(string hash) => int.TryParse(hash.AsSpan(4, 2), NumberStyles.None, CultureInfo.InvariantCulture, out int cost) ? cost : 0;

    private FrozenDictionary<string, string> Users()
    {
        // Others wait for the one who reads: nobody is let in by what the file said before.
        lock (_lock)
        {
            if (_file.TakeChange())
            {
                _users = Read();
            }

            return _users;
        }
    }

    private FrozenDictionary<string, string> Read()
    {
        var users = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            if (new FileInfo(path).Length > MaxSize)
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"{path}: more than {MaxSize} bytes");
            }

            int number = 0;
            foreach (string line in File.ReadLines(path))
            {
                number++;
                if (Parse(line) is { } user)
                {
                    users[user.Name] = user.Hash;
                }
                else if (line.Trim() is { Length: > 0 } text && text[0] != '#')
                {
                    Ignored(log, path, number);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or MicaException)
        {
            Unreadable(log, path, Printable.Of(error.Message));
            return FrozenDictionary<string, string>.Empty;
        }

        return users.ToFrozenDictionary(StringComparer.Ordinal);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}:{Line}: not a user with a bcrypt password; ignored")]
    private static partial void Ignored(ILogger log, string file, int line);

    [LoggerMessage(Level = LogLevel.Error, Message = "{File}: {Reason}; nobody can log in by it")]
    private static partial void Unreadable(ILogger log, string file, string reason);
}
