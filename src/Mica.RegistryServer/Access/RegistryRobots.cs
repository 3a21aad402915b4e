using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Mica.Oci;
using Mica.RegistryServer.Metadata;

namespace Mica.RegistryServer.Access;

/// <summary>A robot as it is listed: everything but its secret, which nobody has but who made it.</summary>
/// <param name="Name">As rules and logs have it: <c>robot:NAME</c>.</param>
/// <param name="Repositories">Patterns over names of repositories.</param>
/// <param name="Rights">What it may do there.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Expires">From when on it is nobody; null for never.</param>
/// <param name="LastUsed">When it came in last, give or take a minute; null for never.</param>
public sealed record RegistryRobot(
    string Name, ImmutableArray<string> Repositories, Rights Rights, DateTimeOffset Created, DateTimeOffset? Expires, DateTimeOffset? LastUsed);

/// <summary>The robots of a registry, to be looked after beside the server, which sees every change with the next request.</summary>
public sealed partial class RegistryRobots
{
    private const int SecretSize = 32;
    private const int MaxPatterns = 100;

    private readonly MetadataDatabase _metadata;
    private readonly TimeProvider _time;

    internal RegistryRobots(MetadataDatabase metadata, TimeProvider time)
    {
        _metadata = metadata;
        _time = time;
    }

    /// <summary>Makes a robot; tells its secret, this once.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.AlreadyExists"/>: there is one of this name.</exception>
    public async Task<string> AddAsync(
        string name, ImmutableArray<string> repositories, Rights rights, TimeSpan? lifetime, CancellationToken cancellationToken)
    {
        if (!Name().IsMatch(name))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"invalid name of a robot: \"{Printable.Of(name)}\" (letters, digits, \".\", \"_\", \"-\")");
        }

        if (repositories.Length is 0 or > MaxPatterns || repositories.Any(pattern => pattern.Length is 0 or > 256 || pattern.Any(char.IsControl)))
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"a robot needs patterns of repositories, up to {MaxPatterns} of 256 characters");
        }

        if (rights == Rights.None || lifetime <= TimeSpan.Zero)
        {
            throw new MicaException(ErrorKind.InvalidArgument, rights == Rights.None ? "a robot needs rights" : "the robot would have expired already");
        }

        string secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretSize));
        DateTimeOffset now = _time.GetUtcNow();
        var robot = new Robot(
            name,
            Robots.HashOf(secret),
            string.Join('\n', repositories),
            (long)rights,
            now.ToUnixTimeMilliseconds(),
            lifetime is { } time ? (now + time).ToUnixTimeMilliseconds() : 0,
            0);
        return await _metadata.WriteAsync(session => RobotRows.AddAsync(session, robot), cancellationToken)
            ? secret
            : throw new MicaException(ErrorKind.AlreadyExists, $"{Robots.Prefix}{name} exists already");
    }

    /// <summary>All robots, by name, those that have expired too.</summary>
    public async Task<ImmutableArray<RegistryRobot>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await _metadata.ReadAsync(RobotRows.ListAsync, cancellationToken)).Select(robot => new RegistryRobot(
            Robots.Prefix + robot.Name,
            [.. robot.Repositories.Split('\n')],
            (Rights)robot.Rights,
            DateTimeOffset.FromUnixTimeMilliseconds(robot.Created),
            Moment(robot.Expires),
            Moment(robot.LastUsed)))];

    /// <summary>Removes a robot, with or without <c>robot:</c> before its name. Its tokens are good for nothing from then on.</summary>
    /// <exception cref="MicaException"><see cref="ErrorKind.NotFound"/>: there is none of this name.</exception>
    public async Task RemoveAsync(string name, CancellationToken cancellationToken)
    {
        bool isWhole = name.StartsWith(Robots.Prefix, StringComparison.Ordinal) || name.StartsWith(Robots.LoginPrefix, StringComparison.Ordinal);
        string bare = isWhole ? name[Robots.Prefix.Length..] : name;
        if (!await _metadata.WriteAsync(session => RobotRows.RemoveAsync(session, bare), cancellationToken))
        {
            throw new MicaException(ErrorKind.NotFound, $"there is no {Robots.Prefix}{Printable.Of(bare)}");
        }
    }

    private static DateTimeOffset? Moment(long milliseconds) => milliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();
}
