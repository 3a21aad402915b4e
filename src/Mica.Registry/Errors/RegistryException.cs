using System.Collections.Immutable;
using System.Net;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>A registry, a token server or the way to them did not do what was asked.</summary>
public sealed class RegistryException : MicaException
{
    internal RegistryException(ErrorKind kind, string message, Exception? inner = null)
        : base(kind, message, inner)
    {
    }

    /// <summary>The status of the answer; null when there was none.</summary>
    public HttpStatusCode? Status { get; internal init; }

    /// <summary>The codes in the answer, such as <c>MANIFEST_UNKNOWN</c> (distribution-spec v1.1, #error-codes).</summary>
    public ImmutableArray<string> Codes { get; internal init; } = [];

    /// <summary>How long the registry asks to wait before the next attempt.</summary>
    public TimeSpan? RetryAfter { get; internal init; }

    /// <summary>Whether the same request may succeed a moment later.</summary>
    public bool IsTransient { get; internal init; }
}
