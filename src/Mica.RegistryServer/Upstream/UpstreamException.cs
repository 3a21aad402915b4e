using System.Net;
using Mica.Oci;
using Mica.Registry;
using Mica.RegistryServer.Protocol;
using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Upstream;

/// <summary>Another registry failed us, or refused. Not a failure of this one.</summary>
internal sealed class UpstreamException(ErrorKind kind, string message, Exception? inner) : MicaException(kind, message, inner)
{
    public static UpstreamException Of(MicaException error) =>
        error as UpstreamException ?? new UpstreamException(error.Kind, error.Message, error);

    /// <summary>It says nothing about what was asked for: what is here may stand in.</summary>
    public bool IsFailure => Kind is ErrorKind.Unavailable or ErrorKind.ContentMismatch or ErrorKind.Failed;

    /// <summary>The answer to who asked for what is not here.</summary>
    /// <param name="unknown">What to call something that the other registry does not have, or does not give to us.</param>
    public RefusedException Refuse(ErrorCode unknown) => new(
        Kind switch
        {
            // A 401 of ours would ask for a password that is not for us; whether it is there or only not for us, nobody can tell.
            ErrorKind.NotFound or ErrorKind.Unauthenticated or ErrorKind.PermissionDenied => unknown,
            ErrorKind.Unavailable when InnerException is RegistryException { Status: HttpStatusCode.TooManyRequests } => ErrorCode.TooManyRequests,
            ErrorKind.Unavailable => ErrorCode.Unavailable,
            ErrorKind.Unsupported => ErrorCode.Unsupported,
            _ => ErrorCode.BadUpstream,
        },
        Message);

    /// <summary>
    /// Tells the client that what it gets is old, and why. OCI distribution-spec v1.1, #warnings: only 299 is allowed.
    /// </summary>
    public static void Warn(HttpResponse response, string reason)
    {
        const int MaxLength = 1000;
        string text = $"this may be old: {Printable.Of(reason)}";
        response.Headers.Warning = $"299 - \"{string.Concat(text.Take(MaxLength).Select(
            static letter => letter is '"' or '\\' ? '\'' : letter is >= ' ' and <= '~' ? letter : '?'))}\"";
    }
}
