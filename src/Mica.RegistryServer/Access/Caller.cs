using Microsoft.AspNetCore.Http;

namespace Mica.RegistryServer.Access;

/// <summary>What is known of a request's sender by the time it is answered, for the audit log.</summary>
internal sealed class Caller
{
    /// <summary>Who it is; null: it did not say, or what it said was wrong.</summary>
    public Principal? Principal { get; set; }

    /// <summary>
    /// The name that came with a wrong password, if somebody has that name. Others are not kept: people type passwords where
    /// the name belongs.
    /// </summary>
    public string? Claimed { get; set; }

    /// <summary>It sent a password or a token.</summary>
    public bool HasCredential { get; set; }

    public static Caller Of(HttpContext context)
    {
        if (context.Features.Get<Caller>() is { } known)
        {
            return known;
        }

        var caller = new Caller();
        context.Features.Set(caller);
        return caller;
    }
}
