using System.Diagnostics;
using Npgsql;

namespace Mica.RegistryServer.Metadata;

/// <summary>How often and how long a piece of work is tried again: conflicts soon and often, broken connections for some seconds.</summary>
internal sealed class PostgresPatience(string place)
{
    private const int MaxConflicts = 30;

    /// <summary>Long enough for PostgreSQL to be started anew, short enough for a client to wait.</summary>
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(10);

    private long? _broken;
    private int _breaks;
    private int _conflicts;

    /// <summary>Whether it is worth it to go on after one more broken connection.</summary>
    public bool IsLeft => _broken is null || Stopwatch.GetElapsedTime(_broken.Value) < s_outage;

    /// <summary>Waits before the next try; throws what is to be told when there is none.</summary>
    /// <exception cref="Oci.MicaException">It is not worth it.</exception>
    public Task WaitAsync(NpgsqlException error, CancellationToken cancellationToken)
    {
        double most;
        if (PostgresErrors.IsConflict(error) && ++_conflicts <= MaxConflicts)
        {
            most = Math.Min(4 << Math.Min(_conflicts, 6), 200);
        }
        else if (PostgresErrors.IsBroken(error) && IsLeft)
        {
            _broken ??= Stopwatch.GetTimestamp();
            most = Math.Min(50 << Math.Min(_breaks++, 4), 500);
        }
        else
        {
            throw PostgresErrors.Translate(place, error);
        }

        // A random share of it, or those who met would meet again.
        return Task.Delay(TimeSpan.FromMilliseconds(1 + (Random.Shared.NextDouble() * most)), cancellationToken);
    }
}
