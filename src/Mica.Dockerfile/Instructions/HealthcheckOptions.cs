namespace Mica.Dockerfile;

/// <summary>Options of HEALTHCHECK; null ones take the defaults that the container's engine has.</summary>
public sealed record HealthcheckOptions
{
    /// <summary>Between two checks; default 30 s.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>Of one check; default 30 s.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>During which failures do not count; default 0.</summary>
    public TimeSpan? StartPeriod { get; init; }

    /// <summary>Between two checks of the start period; default 5 s.</summary>
    public TimeSpan? StartInterval { get; init; }

    /// <summary>Failures in a row that make the container unhealthy; default 3.</summary>
    public int? Retries { get; init; }
}
